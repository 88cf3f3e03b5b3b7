import { z } from "zod";
import { ChangeScope } from "./change-scope.ts";
import { endpoint, page, pageQuery } from "./endpoint.ts";
import { Moment, Name } from "./id.ts";

/** One thing that must be true of a change before it begins; several rules, several criteria. */
export const Criterion = z.discriminatedUnion("kind", [
  /** The same package and buildpack digests have succeeded in that workspace, and were not rolled back there. */
  z.strictObject({ kind: z.literal("succeeded-in"), workspace: Name }),
  /** It can be rolled back: it has an inverse, and something ran before. */
  z.strictObject({ kind: z.literal("rollback-target") }),
]);
export type Criterion = z.infer<typeof Criterion>;

export const SetAdmissionRule = z.strictObject({
  scope: ChangeScope.prefault({}),
  criterion: Criterion,
  /** An emergency start passes it as well. */
  waivedInEmergency: z.boolean().default(false),
});
export type SetAdmissionRule = z.infer<typeof SetAdmissionRule>;

export const AdmissionRule = z.strictObject({
  name: Name,
  ...SetAdmissionRule.shape,
  version: z.int(),
  createdAt: Moment,
});
export type AdmissionRule = z.infer<typeof AdmissionRule>;

const byRule = z.strictObject({ rule: Name });

export const admissionEndpoints = {
  listAdmissionRules: endpoint("GET", "/admission-rules", {
    needs: "admission-rule:read",
    query: pageQuery,
    reply: page(AdmissionRule),
  }),
  getAdmissionRule: endpoint("GET", "/admission-rules/{rule}", {
    needs: "admission-rule:read",
    params: byRule,
    reply: AdmissionRule,
  }),
  /** Makes it, or replaces the one of this name. */
  setAdmissionRule: endpoint("PUT", "/admission-rules/{rule}", {
    needs: "admission-rule:update",
    params: byRule,
    body: SetAdmissionRule,
    reply: AdmissionRule,
  }),
  removeAdmissionRule: endpoint("DELETE", "/admission-rules/{rule}", {
    needs: "admission-rule:delete",
    params: byRule,
    status: 204,
  }),
};
