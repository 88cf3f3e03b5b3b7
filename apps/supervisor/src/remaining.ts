import { join } from "node:path";
import { readJson } from "@evenkeel/kit/durable-file";
import { endIdentity, listProcesses, type ProcessIdentity, readEnvironment } from "@evenkeel/kit/process-identity";
import { z } from "zod";
import type { Home } from "./home.ts";
import { findMarked } from "./part.ts";
import { LOCAL_HOSTS } from "./parts.ts";

const Credential = z.looseObject({ hostId: z.string() });
const TERM_MS = 5000;

/** Ends what agents and gateway should have ended and could not, for instance because they were killed while they stopped. */
export async function endRemaining(home: Home): Promise<number> {
  const helpers = findMarked(home.folder).filter(({ part }) => part.startsWith("agent-") || part === "haproxy");
  const left = [...helpers.map(({ identity }) => identity), ...(await findApplications(home))];
  await Promise.all(left.map((identity) => endIdentity(identity, "SIGTERM", TERM_MS)));
  return left.length;
}

/** True when applications run that were started here, whether or not an agent lives. */
export async function runsApplications(home: Home): Promise<boolean> {
  return (await findApplications(home)).length > 0;
}

/** Applications and scripts carry the id of their host: `EVENKEEL_INSTANCE=<host id>:<service>:<letter>`. */
async function findApplications(home: Home): Promise<ProcessIdentity[]> {
  const credentials = LOCAL_HOSTS.map(({ name }) =>
    readJson(join(home.agentFolder(name), "credential.json"), Credential),
  );
  const ids = (await Promise.all(credentials)).flatMap((credential) =>
    credential === null ? [] : [credential.hostId],
  );
  const belongs = (mark: string | undefined): boolean =>
    mark !== undefined && ids.some((id) => mark.startsWith(`${id}:`));
  return listProcesses().filter(({ pid }) => {
    const environment = readEnvironment(pid);
    return belongs(environment?.EVENKEEL_INSTANCE) || belongs(environment?.EVENKEEL_SCRIPT);
  });
}
