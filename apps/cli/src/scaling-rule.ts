import { allItems } from "@evenkeel/client/page";
import { line, type Span, span } from "@evenkeel/client/text/line";
import type { ScalingMetric, ScalingRule, ScalingVerdictKind } from "@evenkeel/contracts/scaling-rule";
import type { AddCommands, Cli } from "./context.ts";
import { listClusters } from "./find-cluster.ts";
import { numberOf } from "./number-option.ts";
import { details, table } from "./table.ts";

interface SetOptions {
  readonly cluster: string;
  readonly module: string;
  readonly metric: ScalingMetric;
  readonly above: number;
  readonly below: number;
  readonly min: number;
  readonly max: number;
  readonly step?: number;
  readonly stabilisation?: number;
  readonly cooldown?: number;
  readonly buffer?: string;
  /** False with --no-enabled. */
  readonly enabled: boolean;
}

export const addScalingRuleCommands: AddCommands = (program, run) => {
  const rule = program
    .command("scaling-rule")
    .description("rules that give a module more bases, or fewer, by what they measure");
  rule
    .command("list")
    .description("all rules, and what each found at its last look")
    .action(
      run(async (cli) => {
        const found = await allItems((await cli.client()).listScalingRules, {});
        cli.answer(found, table(found, COLUMNS, "There is no scaling rule: modules are scaled by people alone."));
      }),
    );
  rule
    .command("show")
    .argument("<rule>")
    .description("one rule")
    .action(
      run(async (cli, name: string) => {
        const found = await (await cli.client()).getScalingRule({ params: { rule: name } });
        cli.answer(found, show(found));
      }),
    );
  rule
    .command("set")
    .argument("<rule>")
    .description("makes a rule, or replaces the one of this name")
    .requiredOption("--cluster <name>", "the base-cluster")
    .requiredOption("--module <name>", "which stands there")
    .requiredOption(
      "--metric <metric>",
      "cpu-percent, heap-percent, loop-delay-ms of the bases; module-cpu-percent, requests-per-second, in-flight, latency-ms, error-percent of the module",
    )
    .requiredOption("--above <value>", "more bases where it was above for the whole stabilisation", numberOf)
    .requiredOption("--below <value>", "fewer where it was below for as long", numberOf)
    .requiredOption("--min <bases>", "never fewer", numberOf)
    .requiredOption("--max <bases>", "never more", numberOf)
    .option("--step <bases>", "so many at a time (1)", numberOf)
    .option("--stabilisation <seconds>", "how long it must be so (60)", numberOf)
    .option("--cooldown <seconds>", "how long nothing is done after a scaling has ended (120)", numberOf)
    .option("--buffer <name>", "the buffer to take from; default: the only one of the workspace")
    .option("--no-enabled", "it looks and says what it would do")
    .action(run(setRule));
  rule
    .command("remove")
    .argument("<rule>")
    .description("takes a rule away; what it has done stays")
    .action(
      run(async (cli, name: string) => {
        await (await cli.client()).removeScalingRule({ params: { rule: name } });
        cli.answer({ removed: name }, [line(span("✔", "good"), ` scaling rule ${name} is removed`)]);
      }),
    );
};

async function setRule(cli: Cli, name: string, options: SetOptions): Promise<void> {
  const { cluster, module, metric, above, below, enabled, min, max, step, stabilisation, cooldown, buffer } = options;
  const body = {
    ...{ workspace: cli.workspace ?? "local", cluster, module, metric, above, below, enabled },
    ...{ minBases: min, maxBases: max },
    ...(step !== undefined && { step }),
    ...(stabilisation !== undefined && { stabilisationSeconds: stabilisation }),
    ...(cooldown !== undefined && { cooldownSeconds: cooldown }),
    ...(buffer !== undefined && { buffer }),
  };
  const made = await (await cli.client()).setScalingRule({ params: { rule: name }, body });
  const clusters = await listClusters(cli).catch(() => []);
  const there = clusters.find(({ name: one, workspace }) => one === cluster && workspace === made.workspace);
  const isPlaced = there?.placements.some((one) => one.module === module) ?? true;
  const waits = isPlaced
    ? []
    : [line(span(`  ${module} is not placed in ${cluster} yet: the rule does nothing before it is`, "warn"))];
  cli.answer(made, [line(span("✔", "good"), ` scaling rule ${made.name}`), ...show(made), ...waits]);
}

const TONES: Partial<Record<ScalingVerdictKind, Span["tone"]>> = {
  "no-data": "warn",
  "at-limit": "warn",
  refused: "bad",
  scale: "good",
};

function verdictWords({ verdict }: ScalingRule): string | Span {
  if (verdict === null) return "not looked at yet";
  return span(`${verdict.kind}: ${verdict.why}`, TONES[verdict.kind]);
}

const rangeWords = ({ minBases, maxBases }: ScalingRule): string => `${minBases} to ${maxBases}`;
const thresholdWords = ({ metric, above, below }: ScalingRule): string => `${metric} above ${above}, below ${below}`;

const COLUMNS = [
  { title: "RULE", value: ({ name }: ScalingRule) => span(name, "bold") },
  { title: "MODULE", value: ({ module, cluster }: ScalingRule) => `${module} in ${cluster}` },
  { title: "BY", value: thresholdWords },
  { title: "BASES", value: rangeWords },
  { title: "LAST LOOK", value: verdictWords },
];

function show(rule: ScalingRule) {
  return details([
    ["module", `${rule.module} in ${rule.cluster} of ${rule.workspace}`],
    ["by", thresholdWords(rule)],
    ["bases", `${rangeWords(rule)}, ${rule.step} at a time`],
    ["when", `so for ${rule.stabilisationSeconds} s, and ${rule.cooldownSeconds} s after the last time`],
    ["buffer", rule.buffer ?? "the only one of the workspace"],
    ["enabled", rule.enabled ? "yes" : span("no: it only says what it would do", "warn")],
    ["last look", verdictWords(rule)],
    ["last change", rule.changeId ?? "none"],
  ]);
}
