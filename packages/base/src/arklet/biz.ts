import type { ModuleReport } from "@evenkeel/contracts/base-protocol";

/** A module in the words of the SOFAArk family. Absent fields are left out there, never null. */
export interface BizInfo {
  readonly bizName: string;
  readonly bizVersion: string;
  readonly bizState: BizState;
  readonly mainClass: string;
  readonly webContextPath?: string;
  readonly identity: string;
  readonly priority: number;
  readonly declaredMode: boolean;
  readonly attributes: Readonly<Record<string, string>>;
  readonly bizStateRecords: readonly { changeTime: number; state: BizState; reason: string; message: string }[];
}

export type BizState = "RESOLVED" | "ACTIVATED" | "DEACTIVATED" | "BROKEN" | "STOPPED";

/** Only who answers is ACTIVATED there: installing and publishing are one. */
export function bizStateOf({ state, published }: Pick<ModuleReport, "state" | "published">): BizState {
  switch (state) {
    case "resolved":
    case "activating":
      return "RESOLVED";
    case "active":
      return published ? "ACTIVATED" : "DEACTIVATED";
    case "draining":
      return "DEACTIVATED";
    case "broken":
      return "BROKEN";
    case "uninstalled":
      return "STOPPED";
  }
}

const REASONS: Readonly<Record<BizState, string>> = {
  RESOLVED: "Created",
  ACTIVATED: "Started",
  DEACTIVATED: "Switched",
  BROKEN: "Install Failed",
  STOPPED: "Stopped",
};

export function bizInfoOf(report: ModuleReport): BizInfo {
  const { name, version, provides, tags, problem, since } = report;
  const state = bizStateOf(report);
  const [route] = provides.routes;
  const record = { changeTime: Date.parse(since), state, reason: REASONS[state], message: problem?.title ?? "" };
  return {
    ...{ bizName: name, bizVersion: version, bizState: state, mainClass: name, identity: `${name}:${version}` },
    ...(route && { webContextPath: route.path }),
    ...{ priority: 100, declaredMode: true, attributes: tags, bizStateRecords: [record] },
  };
}
