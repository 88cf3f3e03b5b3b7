import type { ErrorCode } from "@evenkeel/contracts/error";
import type { Sentences } from "../sentences.ts";
import { CHANGE_PROBLEMS } from "./problems-change.ts";
import { GOVERNANCE_PROBLEMS } from "./problems-governance.ts";
import { MACHINE_PROBLEMS } from "./problems-machine.ts";
import { MODULE_PROBLEMS } from "./problems-module.ts";
import { REQUEST_PROBLEMS } from "./problems-request.ts";

/** The catalogue of errors in Chinese; the facts in braces are the same. A test sees to it that none is missing. */
export const PROBLEMS: Readonly<Partial<Record<ErrorCode, Sentences>>> = {
  ...REQUEST_PROBLEMS,
  ...CHANGE_PROBLEMS,
  ...GOVERNANCE_PROBLEMS,
  ...MACHINE_PROBLEMS,
  ...MODULE_PROBLEMS,
};
