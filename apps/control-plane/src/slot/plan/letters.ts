import type { Letter } from "@evenkeel/contracts/agent-protocol";
import type { HostId, RevisionId } from "@evenkeel/contracts/id";
import type { PlannedRevision } from "./revision.ts";
import type { SlotWorld } from "./world.ts";

const ALIVE = ["starting", "healthy", "unhealthy"];
const OTHER: Readonly<Record<Letter, Letter>> = { a: "b", b: "a" };

export interface Letters {
  readonly letter: Letter;
  readonly reuse: boolean;
  readonly old: readonly Letter[];
  readonly serving: boolean;
  /** The instance of `letter` takes traffic already. */
  readonly attached: boolean;
  /** The revision that serves, or else runs, there now. */
  readonly from: RevisionId | null;
}

/** What is to stand there; `fresh`: an instance of that revision that lives is replaced all the same. */
interface Wanted {
  readonly to: PlannedRevision | null;
  readonly fresh: boolean;
}

/** Which letter the new instance takes, and which instances go. What serves is never overwritten. */
export function chooseLetters(world: SlotWorld, hostId: HostId, { to, fresh }: Wanted): Letters {
  const instances = world.instances.filter((instance) => instance.hostId === hostId && instance.state !== "stopped");
  const upstreams = world.upstreams.filter((upstream) => upstream.hostId === hostId);
  const attached = upstreams.find((upstream) => upstream.state === "attached" && upstream.weight > 0);
  const alive = instances.filter((instance) => ALIVE.includes(instance.state));
  const from = attached?.revisionId ?? alive[0]?.revisionId ?? null;
  const present = [
    ...new Set([...instances.map(({ letter }) => letter), ...upstreams.map(({ letter }) => letter)]),
  ].sort();
  const serving = upstreams.some((upstream) => upstream.weight > 0);
  if (to === null) return { letter: "a", reuse: false, old: present, serving, attached: false, from };
  const same = fresh ? undefined : alive.find((instance) => instance.revisionId === to.id);
  if (same !== undefined) {
    const old = present.filter((letter) => letter !== same.letter);
    return { letter: same.letter, reuse: true, old, serving, attached: attached?.letter === same.letter, from };
  }
  const standing = attached?.letter ?? alive[0]?.letter ?? null;
  const letter = standing === null ? "a" : OTHER[standing];
  return { letter, reuse: false, old: present.filter((one) => one !== letter), serving, attached: false, from };
}
