import { SCALE_ORDER } from "@evenkeel/contracts/scale-order";
import { answerEnd, type CarryOptions, carryOut, withCarryOptions } from "./change/carry-out.ts";
import type { AddCommands, Cli } from "./context.ts";
import { findService } from "./service.ts";
import { type StrategyOptions, strategyOf, withStrategyOptions } from "./strategy-options.ts";

interface ScaleOptions extends StrategyOptions, CarryOptions {
  readonly add?: string;
  readonly remove?: string;
}

export const addScaleCommands: AddCommands = (program, run) => {
  const scale = program
    .command("scale")
    .argument("<service>", "name or id")
    .option("--add <hosts>", "names, as in local-5,local-6: they get what the service runs")
    .option("--remove <hosts>", "names: drained, stopped, and no longer the service's")
    .description("gives a service more hosts or takes some away, also beside a release");
  withCarryOptions(withStrategyOptions(scale)).action(
    run(async (cli, name: string, options: ScaleOptions) => scaleService(cli, name, options)),
  );
};

async function scaleService(cli: Cli, name: string, options: ScaleOptions): Promise<void> {
  const { name: service, workspace } = await findService(cli, name);
  const names = (text: string | undefined) => (text === undefined ? [] : text.split(","));
  const strategy = strategyOf(options);
  const spec = {
    ...{ workspace, service, add: names(options.add), remove: names(options.remove) },
    ...(strategy !== null && { strategy }),
  };
  const ended = await carryOut(cli, { kind: SCALE_ORDER, spec, question: `Scale ${service} all the same?` }, options);
  if (ended !== null) answerEnd(cli, ended);
}
