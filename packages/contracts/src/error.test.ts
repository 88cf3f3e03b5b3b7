import { expect, test } from "vitest";
import { ERRORS } from "./error.ts";
import { CHANGE_ERRORS } from "./error-catalogue/change.ts";
import { GOVERNANCE_ERRORS } from "./error-catalogue/governance.ts";
import { MACHINE_ERRORS } from "./error-catalogue/machine.ts";
import { MODULE_ERRORS } from "./error-catalogue/module.ts";
import { REQUEST_ERRORS } from "./error-catalogue/request.ts";
import { TRAFFIC_ERRORS } from "./error-catalogue/traffic.ts";

test("a code stands in one part of the catalogue", () => {
  const parts = [REQUEST_ERRORS, CHANGE_ERRORS, GOVERNANCE_ERRORS, MACHINE_ERRORS, MODULE_ERRORS, TRAFFIC_ERRORS];
  const codes = parts.flatMap((part) => Object.keys(part));
  expect(codes.filter((code, index) => codes.indexOf(code) !== index)).toEqual([]);
  expect(codes.sort()).toEqual(Object.keys(ERRORS).sort());
});
