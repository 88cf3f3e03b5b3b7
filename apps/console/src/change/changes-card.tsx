import type { ChangeSummary } from "@evenkeel/contracts/change";
import type { ReactNode } from "react";
import { Link } from "wouter";
import { Ago } from "../kit/clock.tsx";
import { Said } from "../kit/said.tsx";
import { Card } from "../kit/surface.tsx";
import { ChangeBadge } from "./looks.tsx";

interface ChangesCardProps {
  readonly title: string;
  readonly changes: readonly ChangeSummary[];
  /** What can be done with one, at the end of its line. */
  readonly actions?: (change: ChangeSummary) => ReactNode;
}

/** A few changes, a line each; nothing where there are none. */
export function ChangesCard({ title, changes, actions }: ChangesCardProps) {
  if (changes.length === 0) return null;
  return (
    <Card flush title={title}>
      <table className="table">
        <tbody>
          {changes.map((change) => (
            <tr key={change.id}>
              <td>
                <Link className="link" href={`/changes/${change.id}`}>
                  <Said text={change.title} />
                </Link>
              </td>
              <td>
                <ChangeBadge state={change.state} />
              </td>
              <td>
                <Ago at={change.stateSince} />
              </td>
              {actions !== undefined && <td>{actions(change)}</td>}
            </tr>
          ))}
        </tbody>
      </table>
    </Card>
  );
}
