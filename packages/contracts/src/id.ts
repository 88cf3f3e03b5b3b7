import { z } from "zod";

/** Makes the schema of a branded id: a prefix that names the kind, then 20 characters that sort by time of birth. */
function idSchema<Brand extends string>(prefix: string) {
  return z
    .string()
    .regex(new RegExp(`^${prefix}_[0-9a-z]{20}$`), `must look like ${prefix}_ and 20 letters or digits`)
    .brand<Brand>();
}

export const TenantId = idSchema<"TenantId">("ten");
export type TenantId = z.infer<typeof TenantId>;
export const PrincipalId = idSchema<"PrincipalId">("prn");
export type PrincipalId = z.infer<typeof PrincipalId>;
export const TokenId = idSchema<"TokenId">("tok");
export type TokenId = z.infer<typeof TokenId>;
export const WorkspaceId = idSchema<"WorkspaceId">("wsp");
export type WorkspaceId = z.infer<typeof WorkspaceId>;
export const CellId = idSchema<"CellId">("cel");
export type CellId = z.infer<typeof CellId>;
export const ApplicationId = idSchema<"ApplicationId">("app");
export type ApplicationId = z.infer<typeof ApplicationId>;
export const PackageId = idSchema<"PackageId">("pkg");
export type PackageId = z.infer<typeof PackageId>;
export const UploadId = idSchema<"UploadId">("upl");
export type UploadId = z.infer<typeof UploadId>;
export const BuildpackId = idSchema<"BuildpackId">("bpk");
export type BuildpackId = z.infer<typeof BuildpackId>;
export const ServiceId = idSchema<"ServiceId">("svc");
export type ServiceId = z.infer<typeof ServiceId>;
export const RevisionId = idSchema<"RevisionId">("rev");
export type RevisionId = z.infer<typeof RevisionId>;
export const HostId = idSchema<"HostId">("host");
export type HostId = z.infer<typeof HostId>;
export const RouteId = idSchema<"RouteId">("rte");
export type RouteId = z.infer<typeof RouteId>;
export const GatewayId = idSchema<"GatewayId">("gtw");
export type GatewayId = z.infer<typeof GatewayId>;
export const ChangeId = idSchema<"ChangeId">("chg");
export type ChangeId = z.infer<typeof ChangeId>;
export const StepId = idSchema<"StepId">("stp");
export type StepId = z.infer<typeof StepId>;
/** One attempt of a step on its way to an agent. */
export const CommandId = idSchema<"CommandId">("cmd");
export type CommandId = z.infer<typeof CommandId>;
export const JournalId = idSchema<"JournalId">("jrn");
export type JournalId = z.infer<typeof JournalId>;
export const ReplicaId = idSchema<"ReplicaId">("rpl");
export type ReplicaId = z.infer<typeof ReplicaId>;

export const WindowId = idSchema<"WindowId">("win");
export type WindowId = z.infer<typeof WindowId>;
export const ApprovalRuleId = idSchema<"ApprovalRuleId">("apr");
export type ApprovalRuleId = z.infer<typeof ApprovalRuleId>;
export const AdmissionRuleId = idSchema<"AdmissionRuleId">("adr");
export type AdmissionRuleId = z.infer<typeof AdmissionRuleId>;
export const PrincipalGroupId = idSchema<"PrincipalGroupId">("pgr");
export type PrincipalGroupId = z.infer<typeof PrincipalGroupId>;
export const CommandTemplateId = idSchema<"CommandTemplateId">("tpl");
export type CommandTemplateId = z.infer<typeof CommandTemplateId>;
export const TrafficRuleId = idSchema<"TrafficRuleId">("trl");
export type TrafficRuleId = z.infer<typeof TrafficRuleId>;
export const CertificateId = idSchema<"CertificateId">("crt");
export type CertificateId = z.infer<typeof CertificateId>;
export const ModuleBundleId = idSchema<"ModuleBundleId">("mod");
export type ModuleBundleId = z.infer<typeof ModuleBundleId>;
export const BaseClusterId = idSchema<"BaseClusterId">("bcl");
export type BaseClusterId = z.infer<typeof BaseClusterId>;
export const BaseId = idSchema<"BaseId">("base");
export type BaseId = z.infer<typeof BaseId>;
export const ScalingRuleId = idSchema<"ScalingRuleId">("scr");
export type ScalingRuleId = z.infer<typeof ScalingRuleId>;
export const ReviewId = idSchema<"ReviewId">("rvw");
export type ReviewId = z.infer<typeof ReviewId>;

const ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyz";

/** Makes a new id of the schema's kind: 9 characters of milliseconds since 1970, 11 at random. */
export function newId<Id extends string>(schema: { parse(text: string): Id }, prefix: string): Id {
  const random = crypto.getRandomValues(new Uint8Array(11));
  const tail = Array.from(random, (byte) => ALPHABET[byte % 36]).join("");
  return schema.parse(`${prefix}_${Date.now().toString(36).padStart(9, "0")}${tail}`);
}

/** `sha256:` and 64 hexadecimal digits; names the content of every object. */
export const Digest = z
  .string()
  .regex(/^sha256:[0-9a-f]{64}$/)
  .brand<"Digest">();
export type Digest = z.infer<typeof Digest>;

/** Name of a resource: lower case, digits, hyphens; at most 60 characters, begins with a letter. */
export const Name = z
  .string()
  .max(60)
  .regex(/^[a-z]([a-z0-9-]*[a-z0-9])?$/, "lower-case letters, digits and hyphens, beginning with a letter");
export type Name = z.infer<typeof Name>;

/** Version of a package as its owner writes it; at most 50 characters. */
export const Version = z
  .string()
  .max(50)
  .regex(/^[0-9A-Za-z][0-9A-Za-z._+-]*$/, "letters, digits, and . _ + -");
export type Version = z.infer<typeof Version>;

/** A moment, as ISO 8601 in UTC. */
export const Moment = z.iso.datetime();
export type Moment = z.infer<typeof Moment>;
