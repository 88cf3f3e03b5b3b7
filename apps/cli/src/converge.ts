import { CONVERGENCE } from "@evenkeel/contracts/convergence";
import { answerEnd, type CarryOptions, carryOut, withCarryOptions } from "./change/carry-out.ts";
import type { AddCommands } from "./context.ts";
import { findService } from "./service.ts";

interface ConvergeOptions extends CarryOptions {
  readonly host: string;
}

export const addConvergeCommands: AddCommands = (program, run) => {
  const converge = program
    .command("converge")
    .argument("<service>", "name or id")
    .requiredOption("--host <name>", "which host")
    .description("brings a host that missed a change to what the service runs; one that comes back does so by itself");
  withCarryOptions(converge).action(
    run(async (cli, name: string, { host, ...options }: ConvergeOptions) => {
      const { name: service, workspace } = await findService(cli, name);
      const question = `Bring ${host} to what ${service} runs all the same?`;
      const ended = await carryOut(cli, { kind: CONVERGENCE, spec: { workspace, service, host }, question }, options);
      if (ended !== null) answerEnd(cli, ended);
    }),
  );
};
