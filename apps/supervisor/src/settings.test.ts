import { Claims } from "@evenkeel/kit/claim";
import { expect, test } from "vitest";
import { chooseTlsPort } from "./settings.ts";

const kept = { controlPlanePorts: [7700], gatewayPort: 7780, gatewayTlsPort: 7743, agentAddresses: {} };
const choose = (before: typeof kept | null, text?: string) =>
  chooseTlsPort(before, { replicas: 1, claims: new Claims(), environment: { EVENKEEL_GATEWAY_TLS_PORT: text } });

test("there is a door for TLS where one was asked for, from then on, until it is off", () => {
  expect(choose(null)).toBeNull();
  expect(choose(null, "")).toBeNull();
  expect(choose(null, "7743")).toEqual({ port: 7743, set: true });
  expect(choose(kept)).toEqual({ port: 7743, set: true });
  expect(choose(kept, "8443")).toEqual({ port: 8443, set: true });
  expect(choose(kept, "off")).toBeNull();
});

test("what is no port is said to be none", () => {
  expect(() => choose(null, "tls")).toThrow(expect.objectContaining({ code: "INPUT_INVALID" }));
});
