import type { Client } from "@evenkeel/client/client";
import type { Candidate } from "./candidates.ts";

/** As many as a person can look through; a longer list is narrowed by typing. */
const MOST = 200;

interface Named {
  readonly name: string;
}
type Names = (client: Client, workspace: string | undefined) => Promise<{ readonly items: readonly Named[] }>;

const inWorkspace = (workspace: string | undefined) => ({
  query: { limit: MOST, ...(workspace !== undefined && { workspace }) },
});

/** How arguments and options call a resource, and who knows its names. */
const LISTS: Readonly<Record<string, Names>> = {
  application: (client) => client.listApplications({ query: { limit: MOST } }),
  service: (client, workspace) => client.listServices(inWorkspace(workspace)),
  host: (client, workspace) => client.listHosts(inWorkspace(workspace)),
  cell: (client, workspace) => client.listCells(inWorkspace(workspace)),
  gateway: (client, workspace) => client.listGateways(inWorkspace(workspace)),
  certificate: (client, workspace) => client.listCertificates(inWorkspace(workspace)),
  workspace: (client) => client.listWorkspaces({ query: { limit: MOST } }),
};

/** The names that a platform has for what is called so; none where it does not answer in time, because a person waits at the key. */
export async function namesOf(called: string, ask: { client(): Promise<Client>; workspace: string | undefined }) {
  const list = LISTS[called.replace(/s$/, "")];
  if (list === undefined) return [];
  try {
    const { items } = await within(
      1500,
      ask.client().then((client) => list(client, ask.workspace)),
    );
    return items.map(({ name }): Candidate => ({ word: name, does: "" }));
  } catch {
    return [];
  }
}

function within<Value>(ms: number, promise: Promise<Value>): Promise<Value> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error("too late")), ms);
    promise.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
