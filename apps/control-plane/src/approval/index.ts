export { approvalHandlers } from "./endpoints.ts";
export { approvalProblem, approversOf, openApprovals } from "./open.ts";
export { approvalRules, approvedBy, deleteApprovals, insertApproval, rulesOfGroup } from "./store.ts";
