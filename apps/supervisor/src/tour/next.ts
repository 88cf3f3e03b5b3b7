import { join, relative } from "node:path";
import { shortId } from "@evenkeel/client/text/change";
import { type Line, line, span } from "@evenkeel/client/text/line";
import { CODE_ROOT } from "../home.ts";
import type { TourRelease } from "./summary.ts";

type Try = readonly [command: string, why: string];

/** What to try next: commands that work as they are printed, in this folder. */
export function nextLines(
  { home, gatewayUrl }: { readonly home: string; readonly gatewayUrl: string },
  releases: readonly TourRelease[],
): Line[] {
  const command = fromHere(join(home, "bin/evenkeel"));
  const broken = releases.find(({ version }) => version === "3.0.0");
  const failed: Try[] =
    broken === undefined
      ? []
      : [[`${command} change show ${shortId(broken.changeId)}`, "the release that failed, and why"]];
  const tries: Try[] = [
    [`curl -H 'Host: hello.localhost' ${gatewayUrl}/`, "the application answers"],
    [`${command} service show hello`, "what runs where"],
    ...failed,
    [
      `${command} deploy ${fromHere(join(CODE_ROOT, "examples/hello/1.0.0"))} --batches zone --bake 2`,
      "1.0.0 again, zone by zone",
    ],
    [`${command} change rollback latest --speed fast --reason "trying it" --watch`, "and back to 2.0.0"],
    [`${command} doctor`, "what is wrong or in the way"],
  ];
  return [
    line(""),
    line(span("What to try next", "bold"), span("  in another terminal; this one keeps the platform running", "dim")),
    ...tries.flatMap(([what, why]) => [line(`  ${what}`), line(span(`      ${why}`, "dim"))]),
    line(""),
  ];
}

/** As a person in this folder would write it. */
function fromHere(path: string): string {
  const near = relative(process.cwd(), path);
  const chosen = near.startsWith("..") ? path : near;
  return /^[\w./@:+-]+$/.test(chosen) ? chosen : `'${chosen.replaceAll("'", `'\\''`)}'`;
}
