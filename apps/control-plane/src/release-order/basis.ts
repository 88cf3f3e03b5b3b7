import type { Plan, PlannedTarget } from "@evenkeel/contracts/change-plan";
import { say } from "@evenkeel/contracts/phrase";
import { serviceOf } from "@evenkeel/contracts/release-order";
import { basisOfSlots, type PlannedRevision } from "../slot/plan/index.ts";
import type { Part } from "./world.ts";

interface Planned {
  readonly revision: PlannedRevision | null;
  readonly targets: readonly PlannedTarget[];
}

/** Everything that must not move before the start. */
export function basisOf({ release, world }: Part, { revision, targets }: Planned): Plan["basis"] {
  const service = serviceOf(release);
  const stored = world.service;
  const { application } = release;
  return [
    {
      resource: `service/${service}`,
      version: String(stored?.version ?? "none"),
      label: say("label.service", { service }),
    },
    {
      resource: `parameters/${service}`,
      version: String(stored?.parameters.version ?? "none"),
      label: say("label.parameters", { service }),
      shown: String(stored?.parameters.version ?? "none"),
    },
    {
      resource: `revision/${service}`,
      version: revisionVersion(revision),
      label: say("label.revision", { service }),
      shown: revision?.packageVersion ?? "none",
    },
    {
      resource: `application/${application}`,
      version: world.application?.id ?? "none",
      label: say("label.application", { application }),
    },
    ...basisOfSlots(world, targets),
  ];
}

/** Of a revision that this release makes, only the content is known. */
const revisionVersion = (revision: PlannedRevision | null): string =>
  revision === null ? "none" : revision.stored ? revision.id : revision.digest;
