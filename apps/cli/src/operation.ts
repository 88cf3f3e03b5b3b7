import { OPERATION_ORDER, type Operation } from "@evenkeel/contracts/operation-order";
import { answerEnd, type CarryOptions, carryOut, withCarryOptions } from "./change/carry-out.ts";
import type { AddCommands, Cli } from "./context.ts";
import { findService } from "./service.ts";
import { parseHosts, type StrategyOptions, strategyOf, withReleaseOptions } from "./strategy-options.ts";

type OperationOptions = StrategyOptions & CarryOptions;

const DOES: Readonly<Record<Operation, string>> = {
  restart: "replaces each instance by a new one of the same version, in batches and drained",
  online: "starts the service's version where it does not serve, and attaches it",
  offline: "detaches, drains and stops; it stays so until it is online again or released",
};

export const addOperationCommands: AddCommands = (program, run) => {
  for (const operation of ["restart", "online", "offline"] as const) {
    const command = program.command(operation).argument("<service>", "name or id").description(DOES[operation]);
    withCarryOptions(withReleaseOptions(command)).action(
      run(async (cli, service: string, options: OperationOptions) => operate(cli, { operation, service }, options)),
    );
  }
};

interface Wanted {
  readonly operation: Operation;
  readonly service: string;
}

async function operate(cli: Cli, wanted: Wanted, options: OperationOptions): Promise<void> {
  const { name: service, workspace } = await findService(cli, wanted.service);
  const strategy = strategyOf(options);
  const spec = {
    ...{ workspace, service, operation: wanted.operation },
    ...(options.hosts !== undefined && { hosts: parseHosts(options.hosts) }),
    ...(strategy !== null && { strategy }),
  };
  const question = `${wanted.operation} ${service} all the same?`;
  const ended = await carryOut(cli, { kind: OPERATION_ORDER, spec, question }, options);
  if (ended !== null) answerEnd(cli, ended);
}
