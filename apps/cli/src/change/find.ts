import { eachItem } from "@evenkeel/client/page";
import type { ChangeSummary } from "@evenkeel/contracts/change";
import { PlatformError } from "@evenkeel/contracts/error";
import { ChangeId } from "@evenkeel/contracts/id";
import type { Cli } from "../context.ts";

/** How far back an abbreviation is looked for. */
const LOOK_BACK = 1000;
const FEWEST_LETTERS = 3;

/** A change by its id, by a unique beginning or end of it, or `latest`. */
export async function findChange(cli: Cli, name: string): Promise<ChangeId> {
  const whole = ChangeId.safeParse(name);
  if (whole.success) return whole.data;
  const matches: ChangeSummary[] = [];
  for await (const change of recentChanges(cli)) {
    if (name === "latest") return change.id;
    if (fits(change.id, name)) matches.push(change);
  }
  if (matches.length > 1) {
    throw new PlatformError("NAME_AMBIGUOUS", { name, matches: matches.map(({ id }) => id).join(" or ") });
  }
  if (matches[0] === undefined) throw new PlatformError("NOT_FOUND", { resource: `change ${name}` });
  return matches[0].id;
}

function fits(id: string, name: string): boolean {
  if (name.length < FEWEST_LETTERS) return false;
  return id.startsWith(name) || id.startsWith(`chg_${name}`) || id.endsWith(name);
}

async function* recentChanges(cli: Cli): AsyncGenerator<ChangeSummary> {
  const client = await cli.client();
  let seen = 0;
  for await (const change of eachItem(client.listChanges, { limit: 200 })) {
    yield change;
    seen += 1;
    if (seen >= LOOK_BACK) return;
  }
}
