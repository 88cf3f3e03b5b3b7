import type { IconName } from "../kit/icon.tsx";
import type { Key } from "../locale/index.tsx";

export interface Entry {
  readonly key: Extract<Key, `page.${string}`>;
  readonly icon: IconName;
  readonly path: string;
  /** A page that grows out of another page's button. */
  readonly hidden?: true;
}

interface Section {
  readonly key: Extract<Key, `nav.${string}`>;
  readonly entries: readonly Entry[];
}

/** Every page, where one looks for it. */
export function sectionsOf(workspace: string): readonly Section[] {
  const here = `/w/${workspace}`;
  return [
    {
      key: "nav.watch",
      entries: [
        { key: "page.home", icon: "home", path: here },
        { key: "page.changes", icon: "change", path: `${here}/changes` },
        { key: "page.services", icon: "service", path: `${here}/services` },
        { key: "page.topology", icon: "topology", path: `${here}/topology` },
        { key: "page.release", icon: "plus", path: `${here}/release`, hidden: true },
        { key: "page.doctor", icon: "doctor", path: "/doctor" },
      ],
    },
    {
      key: "nav.build",
      entries: [
        { key: "page.applications", icon: "application", path: "/applications" },
        { key: "page.packages", icon: "package", path: "/packages" },
        { key: "page.buildpacks", icon: "buildpack", path: "/buildpacks" },
      ],
    },
    {
      key: "nav.ground",
      entries: [
        { key: "page.hosts", icon: "host", path: `${here}/hosts` },
        { key: "page.routes", icon: "route", path: `${here}/routes` },
        { key: "page.rules", icon: "rule", path: `${here}/traffic-rules` },
        { key: "page.rule", icon: "plus", path: `${here}/new-traffic-rule`, hidden: true },
        { key: "page.cells", icon: "cell", path: `${here}/cells` },
        { key: "page.gateways", icon: "gateway", path: `${here}/gateways` },
        { key: "page.certificates", icon: "certificate", path: `${here}/certificates` },
      ],
    },
    {
      key: "nav.modules",
      entries: [
        { key: "page.placement", icon: "placement", path: `${here}/placement` },
        { key: "page.modules", icon: "module", path: `${here}/modules` },
        { key: "page.bases", icon: "base", path: `${here}/bases` },
        { key: "page.scaling", icon: "scaling", path: `${here}/scaling-rules` },
      ],
    },
    {
      key: "nav.rules",
      entries: [
        { key: "page.approvals", icon: "approval", path: "/approvals" },
        { key: "page.admissions", icon: "check", path: "/admissions" },
        { key: "page.reviews", icon: "warning", path: "/reviews" },
        { key: "page.windows", icon: "calendar", path: "/windows" },
        { key: "page.locks", icon: "lock", path: "/locks" },
        { key: "page.audit", icon: "audit", path: "/audit" },
        { key: "page.tokens", icon: "token", path: "/tokens" },
        { key: "page.settings", icon: "settings", path: "/settings" },
      ],
    },
  ];
}
