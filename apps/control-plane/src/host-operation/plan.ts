import type { LockRequest, PlannedStep, PlannedTarget } from "@evenkeel/contracts/change-plan";
import { type Refusal, refuse } from "@evenkeel/contracts/error";
import type { HostOperationSpec } from "@evenkeel/contracts/host-operation";
import { say } from "@evenkeel/contracts/phrase";
import type { HostSelector } from "@evenkeel/contracts/service";
import type { Draft } from "../change/index.ts";
import { pickHosts } from "../slot/plan/index.ts";
import type { OperatedHost, World } from "./world.ts";

const PROBE_TIMEOUT_MS = 60_000;
export const IRREVERSIBLE = say("inverse.probe");

const titleOf = ([host = "", ...others]: readonly string[]): string =>
  others.length === 0 ? say("title.probe", { host }) : say("title.probe-many", { count: others.length + 1 });

/** Spec + world → the plan of an operation on hosts, or why there is none. */
export function planHostOperation(spec: HostOperationSpec, world: World): Draft | Refusal {
  const { name } = world.workspace;
  const unknown = unknownNames(spec.hosts, world);
  if (unknown.length > 0) return refuse("NOT_FOUND", { resource: `host ${unknown.join(", ")} in workspace ${name}` });
  const hosts = pickHosts(spec.hosts, world);
  if (hosts.length === 0) return refuse("HOSTS_NONE", { workspace: name, selector: `hosts: ${shown(spec.hosts)}` });
  if (!hosts.some(({ online }) => online)) return refuse("HOSTS_OFFLINE", { count: hosts.length });
  const offline = hosts.filter(({ online }) => !online).map((host) => host.name);
  return {
    title: titleOf(hosts.map((host) => host.name)),
    opening: [],
    closing: [],
    groups: [{ groupId: "hosts", name, after: [], strategy: spec.strategy, targetIds: hosts.map((host) => host.name) }],
    targets: hosts.map(targetOf),
    basis: hosts.map(({ id, name: host, version }) => ({
      resource: `host/${id}`,
      version: String(version),
      label: say("label.host", { host }),
    })),
    differences: [],
    missing: [],
    warnings: offline.length === 0 ? [] : [say("warning.offline", { hosts: offline })],
    irreversible: IRREVERSIBLE,
    applications: [],
    fromRevisionId: null,
    toRevisionId: null,
    configurationDigest: null,
    expectedMs: null,
    payload: { operation: spec.operation },
  };
}

/** Hosts stay while something is done to them. */
export function locksOfHostOperation(spec: HostOperationSpec, world: World): LockRequest[] {
  return pickHosts(spec.hosts, world).map(({ id, name }) => ({
    resource: `host/${id}`,
    mode: "shared",
    label: say("label.host", { host: name }),
  }));
}

const shown = (selector: HostSelector): string =>
  typeof selector === "object" ? JSON.stringify(selector) : String(selector);

function unknownNames(selector: HostSelector, { hosts }: World): string[] {
  const known = new Set(hosts.map(({ name }) => name));
  return Array.isArray(selector) ? selector.filter((name) => !known.has(name)) : [];
}

const PROBE: PlannedStep = {
  name: "probe",
  on: "agent",
  type: "no-op",
  input: {},
  timeoutMs: PROBE_TIMEOUT_MS,
  repeatable: true,
  retryFrom: null,
  traffic: null,
};

const targetOf = ({ id, name, zone, cell, online }: OperatedHost): PlannedTarget => ({
  targetId: name,
  name,
  hostId: id,
  zone,
  cell,
  slot: null,
  online,
  from: null,
  to: null,
  stage: [],
  steps: [PROBE],
  clean: [],
  reattach: [],
  facts: {},
});
