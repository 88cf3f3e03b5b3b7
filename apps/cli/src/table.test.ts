import { plain } from "@evenkeel/client/text/line";
import { expect, test } from "vitest";
import { table } from "./table.ts";

test("numbers stand with their last digits below each other, words with their first letters", () => {
  const items = [
    { name: "prices", rate: "7.5", share: "0 %" },
    { name: "价格", rate: "1200", share: "12.5 %" },
  ];
  const columns = [
    { title: "MODULE", value: ({ name }: (typeof items)[number]) => name },
    { title: "REQUESTS/S", right: true, value: ({ rate }: (typeof items)[number]) => rate },
    { title: "ERRORS", right: true, value: ({ share }: (typeof items)[number]) => share },
  ];
  expect(table(items, columns, "none").map(plain)).toEqual([
    "MODULE  REQUESTS/S  ERRORS",
    "prices         7.5     0 %",
    "价格          1200  12.5 %",
  ]);
});
