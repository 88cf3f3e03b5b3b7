import { z } from "zod";
import { endpoint, page, pageQuery } from "./endpoint.ts";
import { ChangeId, Moment, Name, PrincipalId, TokenId } from "./id.ts";

/** `noun:verb`, where either side may be `*`. */
export const PermissionPattern = z
  .string()
  .max(100)
  .regex(/^(\*|[a-z-]+):(\*|[a-z-]+)$/, "noun:verb, either may be *");

/** Whether one of the patterns covers the permission, which may be a pattern itself (of a token to be made). */
export function mayDo(patterns: readonly string[], permission: string): boolean {
  return patterns.some((pattern) => covers(pattern, permission));
}

function covers(pattern: string, permission: string): boolean {
  const [noun, verb] = pattern.split(":");
  const [wantedNoun, wantedVerb] = permission.split(":");
  return (noun === "*" || noun === wantedNoun) && (verb === "*" || verb === wantedVerb);
}

/** As it was given when the principal was made. */
export const PrincipalName = z.string().min(1).max(100);

/** A person, group or service account that may act. */
export const Principal = z.strictObject({
  id: PrincipalId,
  name: PrincipalName,
  kind: z.enum(["person", "service-account"]),
  createdAt: Moment,
});
export type Principal = z.infer<typeof Principal>;

export const Token = z.strictObject({
  id: TokenId,
  principal: z.string(),
  /** `session`: of a browser that is logged in. */
  kind: z.enum(["access", "session"]).default("access"),
  may: z.array(PermissionPattern),
  createdAt: Moment,
  expiresAt: Moment.nullable(),
});
export type Token = z.infer<typeof Token>;

/** The principal is made on first use. Nobody grants more than he has. */
export const CreateToken = z.strictObject({
  as: PrincipalName,
  may: z.array(PermissionPattern).min(1).max(200),
  validSeconds: z.int().min(1).optional(),
});
export type CreateToken = z.infer<typeof CreateToken>;
/** `secret` is shown once and stored as a digest. */
export const CreatedToken = Token.extend({ secret: z.string() });
export type CreatedToken = z.infer<typeof CreatedToken>;

/** Principals that rules name together. */
export const SetPrincipalGroup = z.strictObject({ members: z.array(PrincipalName).max(200) });
export type SetPrincipalGroup = z.infer<typeof SetPrincipalGroup>;
export const PrincipalGroup = z.strictObject({
  name: Name,
  members: z.array(PrincipalName),
  version: z.int(),
  createdAt: Moment,
});
export type PrincipalGroup = z.infer<typeof PrincipalGroup>;

const byGroup = z.strictObject({ group: Name });

export const principalGroupEndpoints = {
  listPrincipalGroups: endpoint("GET", "/principal-groups", {
    needs: "principal-group:read",
    query: pageQuery,
    reply: page(PrincipalGroup),
  }),
  getPrincipalGroup: endpoint("GET", "/principal-groups/{group}", {
    needs: "principal-group:read",
    params: byGroup,
    reply: PrincipalGroup,
  }),
  /** Makes it, or gives the one of this name these members and no others. */
  setPrincipalGroup: endpoint("PUT", "/principal-groups/{group}", {
    needs: "principal-group:update",
    params: byGroup,
    body: SetPrincipalGroup,
    reply: PrincipalGroup,
  }),
  removePrincipalGroup: endpoint("DELETE", "/principal-groups/{group}", {
    needs: "principal-group:delete",
    params: byGroup,
    status: 204,
  }),
};

export const AuditEntry = z.strictObject({
  id: z.string(),
  at: Moment,
  principal: z.string(),
  action: z.string(),
  resource: z.string(),
  outcome: z.enum(["done", "refused"]),
  code: z.string().nullable(),
  details: z.record(z.string(), z.unknown()),
  address: z.string(),
});
export type AuditEntry = z.infer<typeof AuditEntry>;

export const principalEndpoints = {
  whoAmI: endpoint("GET", "/me", {
    needs: "authenticated",
    reply: z.strictObject({ principal: Principal, may: z.array(PermissionPattern), tenant: z.string() }),
  }),
  listTokens: endpoint("GET", "/tokens", { needs: "token:read", query: pageQuery, reply: page(Token) }),
  createToken: endpoint("POST", "/tokens", {
    needs: "token:create",
    body: CreateToken,
    reply: CreatedToken,
    status: 201,
    idempotent: true,
    secrets: ["secret"],
  }),
  revokeToken: endpoint("DELETE", "/tokens/{tokenId}", {
    needs: "token:delete",
    params: z.strictObject({ tokenId: TokenId }),
    status: 204,
  }),
  listAudit: endpoint("GET", "/audit", {
    needs: "audit:read",
    query: pageQuery.extend({
      resource: z.string().optional(),
      change: ChangeId.optional(),
      principal: PrincipalName.optional(),
      action: z.string().max(100).optional(),
      outcome: z.enum(["done", "refused"]).optional(),
      from: Moment.optional(),
      to: Moment.optional(),
    }),
    reply: page(AuditEntry),
  }),
};
