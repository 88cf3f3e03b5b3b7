import { expect, test } from "vitest";
import { retryPauseMs } from "./retry-pause.ts";

const bounds = (failures: number) => [retryPauseMs(failures, () => 0), retryPauseMs(failures, () => 1)];

test("agents that lost their link at the same instant come back over a second, later ones over three", () => {
  expect([0, 1, 2, 40].map(bounds)).toEqual([
    [100, 1000],
    [200, 2000],
    [300, 3000],
    [300, 3000],
  ]);
});
