import type { ChangeId, HostId, ServiceId } from "@evenkeel/contracts/id";

export interface PagesOf {
  /** One that has ended, and one that waits for a person. */
  readonly changes: { readonly ended: ChangeId; readonly waiting: ChangeId };
  readonly service: ServiceId;
  readonly host: HostId;
}

/** The pages of changes, services, hosts and rules, by the names of their pictures. */
export function consolePages({ changes: { ended, waiting }, service, host }: PagesOf): Record<string, string> {
  const ofWorkspace = ["changes", "services", "hosts", "topology", "routes", "gateways", "release"];
  const ofAll = ["applications", "packages", "buildpacks", "windows", "locks", "audit", "tokens", "doctor", "settings"];
  const operations = ["restart", "offline", "online", "scale"];
  return {
    ...{ home: "/w/local", admissions: "/admissions", reviews: "/reviews", approvals: "/approvals?of=all" },
    ...Object.fromEntries(ofWorkspace.map((name) => [name, `/w/local/${name}`])),
    ...Object.fromEntries(ofAll.map((name) => [name, `/${name}`])),
    ...{ change: `/changes/${ended}`, plan: `/changes/${ended}?view=plan`, waiting: `/changes/${waiting}` },
    ...{ service: `/services/${service}`, log: `/services/${service}?view=log`, host: `/hosts/${host}` },
    ...Object.fromEntries(operations.map((name) => [name, `/services/${service}/operate?operation=${name}`])),
    "diagnosis-change": `/changes/${waiting}/diagnosis`,
    "diagnosis-service": `/services/${service}/diagnosis`,
    "diagnosis-host": `/hosts/${host}/diagnosis`,
  };
}
