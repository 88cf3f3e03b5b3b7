import { createHash } from "node:crypto";
import { canonicalJson } from "@evenkeel/contracts/canonical";
import type { LockRequest, Plan } from "@evenkeel/contracts/change-plan";
import { Digest } from "@evenkeel/contracts/id";
import { say } from "@evenkeel/contracts/phrase";
import type { Strategy } from "@evenkeel/contracts/strategy";
import { effectiveGate } from "./gate.ts";
import type { Draft } from "./kind.ts";
import { planBatches } from "./strategy.ts";

/** Makes batches of a draft's groups: the frozen plan. */
export function freeze(kind: string, draft: Draft, locks: readonly LockRequest[]): Plan {
  const { groups, targets, ...rest } = draft;
  const byId = new Map(targets.map((target) => [target.targetId, target]));
  const chosen = groups.map((group) => ({
    ...group,
    targets: group.targetIds
      .flatMap((id) => byId.get(id) ?? [])
      .filter(({ zone }) => group.strategy.zone === undefined || group.strategy.zone === zone),
  }));
  const left = targets.length - chosen.reduce((sum, group) => sum + group.targets.length, 0);
  const zones = [...new Set(groups.flatMap(({ strategy }) => strategy.zone ?? []))].join(", ");
  return {
    ...rest,
    kind,
    locks: inCanonicalOrder(locks),
    groups: chosen.map(({ targetIds: _, targets: its, ...group }) => ({
      ...group,
      after: [...group.after],
      batches: planBatches(its, group.strategy, group.groupId).map((batch) => ({
        ...batch,
        gate: effectiveGate(
          batch.gate,
          batch.targetIds.flatMap((id) => byId.get(id) ?? []),
        ),
      })),
    })),
    targets: chosen.flatMap((group) => group.targets),
    warnings: [
      ...rest.warnings,
      ...chosen.flatMap(({ strategy, targetIds, name }) => largeBeta(strategy.beta, targetIds.length, name)),
      ...(left > 0 ? [say("warning.zone-only", { zones, count: left, total: targets.length })] : []),
    ],
  };
}

/** Nobody is left to be compared with, and nobody is spared. */
function largeBeta(beta: Strategy["beta"], hosts: number, group: string): string[] {
  if (typeof beta !== "number" || beta <= hosts) return [];
  return [say("warning.large-beta", { beta, count: hosts, group })];
}

/** Everybody takes locks in this order, so that nobody waits for somebody who waits for him. */
export function inCanonicalOrder(locks: readonly LockRequest[]): LockRequest[] {
  return [...locks].sort((one, other) => (one.resource < other.resource ? -1 : one.resource > other.resource ? 1 : 0));
}

/** The digest by which people and approvals name a plan. */
export function planDigest(plan: Plan): Digest {
  return Digest.parse(`sha256:${createHash("sha256").update(canonicalJson(plan)).digest("hex")}`);
}

/** Without versions that a person knows the name alone says more. */
function fromTo(label: string, was: string | undefined, now: string | undefined): string {
  if (was === undefined || now === undefined) return label;
  return was === now ? say("label.other-content", { label, version: was }) : say("label.moved", { label, was, now });
}

/** What of the plan's basis is no longer so, in words. */
export function movedSince(plan: Plan, now: Plan["basis"]): string[] {
  const current = new Map(now.map((entry) => [entry.resource, entry]));
  const before = new Set(plan.basis.map((entry) => entry.resource));
  return [
    ...plan.basis.flatMap((planned) => {
      const { resource, version, label } = planned;
      const entry = current.get(resource);
      if (entry === undefined) return [say("label.gone", { label })];
      return entry.version === version ? [] : [fromTo(label, planned.shown, entry.shown)];
    }),
    ...now.filter(({ resource }) => !before.has(resource)).map(({ label }) => say("label.new", { label })),
  ];
}
