import { z } from "zod";
import { endpoint, page, pageQuery } from "./endpoint.ts";
import { BuildpackId, Digest, Moment, Name, Version } from "./id.ts";

const script = z.string().regex(/^lifecycle\/[a-z0-9][a-z0-9._-]*$/, "a file below lifecycle/");

/** How long one attempt of a script may take, and how often it is tried again; the deadline of the whole step stands above both. */
export const ScriptLimits = z.strictObject({
  timeoutSeconds: z.number().min(1).max(900).optional(),
  retries: z.int().min(0).max(10).default(0),
  /** Between two attempts. */
  intervalSeconds: z.number().min(0).max(300).default(1),
});
export type ScriptLimits = z.infer<typeof ScriptLimits>;

/** `buildpack.yaml`: what a stack needs of a host and which scripts live in its `lifecycle/`. Scripts get HOST, PORT, APP_DIR, REVISION in their environment. */
export const BuildpackDefinition = z.strictObject({
  name: Name,
  version: Version,
  description: z.string().max(500).default(""),
  /** Commands that must be found on the host's PATH (`platform-node` = the Node that the agent runs on). */
  needs: z.array(z.string()).default([]),
  lifecycle: z
    .strictObject({
      /** Runs once in a freshly unpacked revision, while the old one serves. */
      setup: script.optional(),
      /** Runs before a start; a non-zero exit refuses it with its last output. */
      check: script.optional(),
      /** Asked to end an instance before TERM and KILL. */
      stop: script.optional(),
    })
    .default({}),
  limits: z.strictObject({ setup: ScriptLimits.optional(), check: ScriptLimits.optional() }).optional(),
  /** Default command where the manifest has no `start`. */
  start: z.string().optional(),
  /** Parameters with defaults; `null` = optional and empty. */
  parameters: z.record(z.string(), z.string().nullable()).default({}),
});
export type BuildpackDefinition = z.infer<typeof BuildpackDefinition>;

/** The content-addressed object: definition and files, as canonical JSON. */
export const BuildpackObject = z.strictObject({
  definition: BuildpackDefinition,
  files: z.array(z.strictObject({ path: z.string(), executable: z.boolean(), text: z.string() })),
});
export type BuildpackObject = z.infer<typeof BuildpackObject>;

export const Buildpack = z.strictObject({
  id: BuildpackId,
  name: Name,
  version: Version,
  digest: Digest,
  definition: BuildpackDefinition,
  createdAt: Moment,
});
export type Buildpack = z.infer<typeof Buildpack>;

export const buildpackEndpoints = {
  listBuildpacks: endpoint("GET", "/buildpacks", {
    needs: "buildpack:read",
    query: pageQuery.extend({ name: Name.optional() }),
    reply: page(Buildpack),
  }),
  getBuildpack: endpoint("GET", "/buildpacks/{buildpackId}", {
    needs: "buildpack:read",
    params: z.strictObject({ buildpackId: BuildpackId }),
    reply: Buildpack,
  }),
};
