import { z } from "zod";
import { endpoint, page, pageQuery } from "./endpoint.ts";
import { CommandTemplateId, Moment, Name } from "./id.ts";

const limits = {
  name: Name,
  /** Of one attempt. */
  timeoutSeconds: z.number().min(1).max(900).default(60),
  retries: z.int().min(0).max(10).default(0),
  /** Between two attempts. */
  intervalSeconds: z.number().min(0).max(300).default(1),
  /** May be run again after it was truly interrupted, without asking a person. */
  repeatable: z.boolean().default(false),
};

/** The steps of a release that a flow may name: what the platform does itself. */
export const FlowStep = z.enum([
  "detach",
  "await-drained",
  "stop-instance",
  "clear-slot",
  "start-instance",
  "await-health",
  "introduce",
  "shift-traffic",
]);
export type FlowStep = z.infer<typeof FlowStep>;

/** One action: a script or a command of your own, one that is built in, or the place of a step of the release itself. */
export const TemplateAction = z.union([
  /** Run by `sh -e` in the folder of the package. */
  z.strictObject({ ...limits, script: z.string().min(1).max(65_536) }),
  z.strictObject({ ...limits, command: z.array(z.string().max(4096)).min(1).max(100) }),
  /** Built in: asks the new instance, which must answer with this status. */
  z.strictObject({
    ...limits,
    ask: z.strictObject({ path: z.string().startsWith("/").max(500), status: z.int().min(100).max(599).default(200) }),
  }),
  /** Built in: waits so many seconds. */
  z.strictObject({ ...limits, wait: z.number().min(0).max(600) }),
  z.strictObject({ step: FlowStep }),
]);
export type TemplateAction = z.infer<typeof TemplateAction>;

/** A parameter of the template; its scripts have it in their environment by this name. */
const Argument = z.strictObject({
  type: z.enum(["string", "number", "boolean"]).default("string"),
  default: z.string().max(4096).optional(),
  description: z.string().max(500).default(""),
});

const ArgumentName = z.string().regex(/^[A-Z][A-Z0-9_]{0,63}$/, "capital letters, digits and _");

/** What a version of a template holds; the file that `evenkeel template create` reads. */
export const CreateCommandTemplate = z.strictObject({
  name: Name,
  description: z.string().max(500).default(""),
  arguments: z.record(ArgumentName, Argument).default({}),
  actions: z.array(TemplateAction).min(1).max(50),
});
export type CreateCommandTemplate = z.infer<typeof CreateCommandTemplate>;

/** Immutable: another definition under the same name is its next version. */
export const CommandTemplate = CreateCommandTemplate.extend({
  id: CommandTemplateId,
  version: z.int(),
  createdBy: z.string(),
  createdAt: Moment,
});
export type CommandTemplate = z.infer<typeof CommandTemplate>;

/** A template by its name, of its newest version, or `name@version`. */
export const TemplateReference = z
  .string()
  .max(80)
  .regex(/^[a-z0-9]([a-z0-9-]*[a-z0-9])?(@[1-9][0-9]*)?$/, "a template's name, or name@version");

/** A template in the flow of a release: beside one of its steps, or, with neither `before` nor `after`, as the flow itself. */
export const FlowEntry = z.strictObject({
  template: TemplateReference,
  before: FlowStep.optional(),
  after: FlowStep.optional(),
  /** On these hosts alone; default: all of the release. */
  hosts: z.union([z.array(Name).min(1), z.strictObject({ zones: z.array(Name).min(1) })]).optional(),
  arguments: z.record(ArgumentName, z.string().max(4096)).default({}),
});
export type FlowEntry = z.infer<typeof FlowEntry>;

const byTemplate = z.strictObject({ template: TemplateReference });

export const commandTemplateEndpoints = {
  /** The newest version of each name; with `name` every version of that one. */
  listCommandTemplates: endpoint("GET", "/command-templates", {
    needs: "command-template:read",
    query: pageQuery.extend({ name: Name.optional() }),
    reply: page(CommandTemplate),
  }),
  getCommandTemplate: endpoint("GET", "/command-templates/{template}", {
    needs: "command-template:read",
    params: byTemplate,
    reply: CommandTemplate,
  }),
  /** Makes the first or the next version; the same as the newest is that one. */
  createCommandTemplate: endpoint("POST", "/command-templates", {
    needs: "command-template:create",
    body: CreateCommandTemplate,
    reply: CommandTemplate,
    status: 201,
    idempotent: true,
  }),
};
