import { deleteApprovals } from "../approval/index.ts";
import type { GovernancePort } from "../change/index.ts";
import { insertReview } from "../review/index.ts";
import { approve, judge } from "./judge.ts";

/** Windows, approvals, admission and reviews, as the kernel asks for them. */
export const governance: GovernancePort = {
  judge,
  approve,
  voidApprovals: deleteApprovals,
  recordEmergency: insertReview,
};
