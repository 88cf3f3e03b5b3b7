import { CONVERGENCE } from "@evenkeel/contracts/convergence";
import { answerEnd, type CarryOptions, carryOut, withCarryOptions } from "./change/carry-out.ts";
import type { AddCommands } from "./context.ts";
import { findService } from "./service.ts";

interface ConvergeOptions extends CarryOptions {
  readonly host: string;
  readonly modules?: boolean;
}

export const addConvergeCommands: AddCommands = (program, run) => {
  const converge = program
    .command("converge")
    .argument("<service>", "name or id")
    .requiredOption("--host <name>", "which host")
    .option("--modules", "the modules of the base that it is there, not the service's revision")
    .description("brings a host that missed a change to what the service runs; one that comes back does so by itself");
  withCarryOptions(converge).action(
    run(async (cli, name: string, { host, modules, ...options }: ConvergeOptions) => {
      const { name: service, workspace } = await findService(cli, name);
      const of = modules === true ? "modules" : "revision";
      const question = `Bring ${host} to what ${of === "modules" ? "its base-cluster wants" : `${service} runs`} all the same?`;
      const spec = { workspace, service, host, of };
      const ended = await carryOut(cli, { kind: CONVERGENCE, spec, question }, options);
      if (ended !== null) answerEnd(cli, ended);
    }),
  );
};
