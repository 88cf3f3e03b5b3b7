import { BASE_PROTOCOL, type BaseReport, type ModuleReport } from "@evenkeel/contracts/base-protocol";
import { problemOf } from "@evenkeel/contracts/error";
import { Digest, Name } from "@evenkeel/contracts/id";
import { ModuleManifest, type ModuleState, ModuleVersion } from "@evenkeel/contracts/module";
import { z } from "zod";
import type { Wanted } from "../wanted-modules.ts";

/** What `queryAllBiz` tells of one biz, as far as it is of use here. */
export const BizInfo = z.object({
  bizName: z.string(),
  bizVersion: z.string(),
  bizState: z.string(),
  bizStateRecords: z
    .array(
      z.object({ changeTime: z.unknown().optional(), reason: z.string().nullish(), message: z.string().nullish() }),
    )
    .nullish(),
});
export type BizInfo = z.infer<typeof BizInfo>;

/** The base itself, as `health` tells. */
export const MasterBiz = z.object({ bizName: z.string().nullish(), bizVersion: z.string().nullish() });
export type MasterBiz = z.infer<typeof MasterBiz>;

export interface Seen {
  readonly all: readonly BizInfo[];
  readonly master: MasterBiz;
  readonly wanted: Wanted;
  readonly pid: number;
  /** When this process was first met. */
  readonly since: string;
}

/** States are compared without case: servers print lower, documents upper. */
const STATES: Readonly<Record<string, ModuleState>> = {
  UNRESOLVED: "resolved",
  RESOLVED: "resolved",
  ACTIVATED: "active",
  DEACTIVATED: "resolved",
  BROKEN: "broken",
  STOPPED: "uninstalled",
};
/** The API does not tell what a biz was installed from. */
const UNKNOWN_DIGEST = Digest.parse(`sha256:${"0".repeat(64)}`);

/** A foreign base in the words of our own. There installing and publishing are one: what is active answers. */
export function reportOf(seen: Seen): BaseReport {
  const named = seen.all.filter(isNamed);
  const others = seen.all.filter((biz) => !isNamed(biz)).map(({ bizName, bizVersion }) => `${bizName}:${bizVersion}`);
  const { bizName, bizVersion } = seen.master;
  return {
    protocol: BASE_PROTOCOL,
    kind: "arklet",
    description: {
      name: Name.safeParse(bizName).data ?? ("arklet" as Name),
      version: ModuleVersion.safeParse(bizVersion).data ?? "0.0.0",
      ...{ node: "", v8: "", arch: "", libraries: {}, services: [], snippets: [] },
    },
    pid: seen.pid,
    startedAt: seen.since,
    state: "serving",
    problem: others.length === 0 ? null : problemOf("ARKLET_NAMES", { modules: others.join(", ") }),
    modules: named.map((biz) => moduleOf(biz, seen)).filter(({ state }) => state !== "uninstalled"),
    rules: [],
    businesses: [],
  };
}

const isNamed = ({ bizName, bizVersion }: BizInfo): boolean =>
  Name.safeParse(bizName).success && ModuleVersion.safeParse(bizVersion).success;

function moduleOf({ bizName, bizVersion, bizState, bizStateRecords }: BizInfo, { wanted, since }: Seen): ModuleReport {
  const ordered = wanted.modules.find(({ name, version }) => name === bizName && version === bizVersion);
  const state = STATES[bizState.toUpperCase()] ?? "broken";
  const last = bizStateRecords?.at(-1);
  const at = momentOf(last?.changeTime) ?? since;
  const module = `${bizName}@${bizVersion}`;
  const reason = [last?.reason, last?.message].filter(Boolean).join(": ") || bizState;
  const problem = state === "broken" ? problemOf("MODULE_ACTIVATION_FAILED", { module, problem: reason }) : null;
  return {
    ...{ name: bizName as Name, version: bizVersion, state, isolation: "inline", form: "application", tags: {} },
    digest: ordered?.object.digest ?? UNKNOWN_DIGEST,
    published: state === "active",
    provides: ModuleManifest.parse({ name: bizName, version: bizVersion }).provides,
    origin: ordered === undefined ? "arklet" : "order",
    inFlight: 0,
    health: { healthy: problem === null, problem, since: at },
    ...{ problem, stack: null, since: at },
  };
}

/** Milliseconds as a number; earlier versions wrote a text. */
function momentOf(changeTime: unknown): string | null {
  if (typeof changeTime !== "number" || !Number.isFinite(changeTime) || Math.abs(changeTime) > 8e15) return null;
  return new Date(changeTime).toISOString();
}
