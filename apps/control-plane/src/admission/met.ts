import type { Criterion } from "@evenkeel/contracts/admission";
import type { PlannedApplication } from "@evenkeel/contracts/change-plan";
import { say } from "@evenkeel/contracts/phrase";

export interface AdmissionFacts {
  readonly applications: readonly PlannedApplication[];
  /** Null = it has an inverse. */
  readonly irreversible: string | null;
  /** Says whether the bits of an application have succeeded in a workspace, and were not rolled back there. */
  readonly succeeded: (workspace: string, application: PlannedApplication) => boolean;
}

const bringsBits = ({ packageDigest, buildpackDigest }: PlannedApplication): boolean =>
  packageDigest !== null || buildpackDigest !== null;

/** What of a criterion is not so; null = it is met. A change that brings no bits has nothing to have succeeded elsewhere. */
export function admissionProblem(criterion: Criterion, facts: AdmissionFacts): string | null {
  const brought = facts.applications.filter(bringsBits);
  switch (criterion.kind) {
    case "succeeded-in": {
      const { workspace } = criterion;
      const untried = brought.filter((application) => !facts.succeeded(workspace, application));
      if (untried.length === 0) return null;
      return say("why.not-succeeded", { applications: untried.map(({ name }) => name), workspace });
    }
    case "rollback-target": {
      if (brought.length === 0) return null;
      if (facts.irreversible !== null) return facts.irreversible;
      const first = brought.filter(({ fromRevisionId }) => fromRevisionId === null).map(({ name }) => name);
      return first.length === 0 ? null : say("why.never-ran", { applications: first });
    }
    default:
      return criterion satisfies never;
  }
}
