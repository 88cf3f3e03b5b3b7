import { line, span } from "@evenkeel/client/text/line";
import { errorRemedy, PlatformError, problemOf } from "@evenkeel/contracts/error";
import { createScreen } from "@evenkeel/kit/terminal";
import { Command, CommanderError } from "commander";
import about from "../package.json" with { type: "json" };
import { addAdmissionCommands } from "./admission.ts";
import { addApplicationCommands } from "./application.ts";
import { addApprovalCommands } from "./approval.ts";
import { addAuditCommands } from "./audit.ts";
import { addBackupCommands } from "./backup.ts";
import { addBaseClusterCommands } from "./base-cluster.ts";
import { addCellCommands } from "./cell.ts";
import { addCertificateCommands } from "./certificate.ts";
import { addChangeCommands } from "./change/commands.ts";
import { addCompletionCommands } from "./completion/commands.ts";
import { type AddCommands, createCli, type GlobalOptions, type Io, type Run } from "./context.ts";
import { addConvergeCommands } from "./converge.ts";
import { addDeployCommands } from "./deploy.ts";
import { addDiagnoseCommands } from "./diagnose.ts";
import { addDoctorCommands } from "./doctor.ts";
import { Exit } from "./exit.ts";
import { addGatewayCommands } from "./gateway.ts";
import { addHostCommands } from "./host.ts";
import { addInitCommands } from "./init.ts";
import { addLockCommands } from "./lock.ts";
import { addLoginCommands } from "./login.ts";
import { addLogsCommands } from "./logs.ts";
import { addModuleCommands } from "./module/commands.ts";
import { addOpenCommands } from "./open.ts";
import { addOperationCommands } from "./operation.ts";
import { addPackageCommands } from "./package.ts";
import { addPrincipalCommands } from "./principal.ts";
import { addReviewCommands } from "./review.ts";
import { addScaleCommands } from "./scale.ts";
import { addScalingRuleCommands } from "./scaling-rule.ts";
import { addServiceCommands } from "./service.ts";
import { addTemplateCommands } from "./template.ts";
import { addTokenCommands } from "./token.ts";
import { addTrafficRuleCommands } from "./traffic-rule.ts";
import { addUpCommands } from "./up.ts";
import { addWindowCommands } from "./window.ts";
import { addWorkspaceCommands } from "./workspace.ts";

const PARTS: readonly AddCommands[] = [
  addUpCommands,
  addLoginCommands,
  addOpenCommands,
  addInitCommands,
  addDeployCommands,
  addChangeCommands,
  addServiceCommands,
  addOperationCommands,
  addScaleCommands,
  addConvergeCommands,
  addLogsCommands,
  addApplicationCommands,
  addPackageCommands,
  addModuleCommands,
  addBaseClusterCommands,
  addScalingRuleCommands,
  addHostCommands,
  addGatewayCommands,
  addCertificateCommands,
  addTrafficRuleCommands,
  addCellCommands,
  addWorkspaceCommands,
  addLockCommands,
  addTemplateCommands,
  addTokenCommands,
  addPrincipalCommands,
  addApprovalCommands,
  addWindowCommands,
  addAdmissionCommands,
  addReviewCommands,
  addAuditCommands,
  addDoctorCommands,
  addDiagnoseCommands,
  addBackupCommands,
  addCompletionCommands,
];
const USAGE_ERROR = 2;

/** Runs one command line; the result is the exit code: 0 done, 1 failed, 2 wrong usage. */
export async function runCli(args: readonly string[], io: Io): Promise<number> {
  const json = args.includes("--json");
  try {
    await buildProgram(io).parseAsync([...args], { from: "user" });
    return 0;
  } catch (error) {
    if (error instanceof Exit) return error.code;
    if (error instanceof CommanderError) return tellUsage(io, error, json);
    tell(io, error, json);
    return error instanceof PlatformError && error.code === "USAGE_WRONG" ? USAGE_ERROR : 1;
  }
}

/** All commands, ready to parse a command line. */
export function buildProgram(io: Io): Command {
  const program = new Command("evenkeel")
    .description("Releases applications onto servers, in batches, under live traffic.")
    .version(about.version)
    .option("--json", "one JSON value on standard output, nothing else")
    .option("-w, --workspace <name>", "workspace (default: the manifest's, else local)")
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({
      writeOut: (text) => io.stdout.write(text),
      writeErr: (text) => io.stderr.write(text),
      // Usage errors are told like all others, once the whole line has been refused.
      outputError: () => undefined,
      getOutHelpWidth: () => io.stdout.columns ?? 80,
      getErrHelpWidth: () => io.stderr.columns ?? 80,
    })
    .exitOverride();
  // Commander calls with the arguments, the options and the command itself; the types of the first are the action's own.
  const run: Run =
    (action) =>
    async (...given) => {
      const command = given.at(-1) as Command;
      const values = given.slice(0, -1) as unknown as Parameters<typeof action>;
      await action(createCli(io, command.optsWithGlobals<GlobalOptions>()), ...(values as never));
    };
  for (const add of PARTS) add(program, run);
  for (const command of withChildren(program)) command.exitOverride();
  return program;
}

function withChildren(command: Command): Command[] {
  return [command, ...command.commands.flatMap(withChildren)];
}

/** Help that was asked for is no error. */
function tellUsage(io: Io, error: CommanderError, json: boolean): number {
  if (error.exitCode === 0) return 0;
  // Of a command without its subcommand the help stands there already.
  if (error.code === "commander.help" && !json) return USAGE_ERROR;
  const text = error.code === "commander.help" ? "a command is missing" : error.message.replace(/^error: /, "");
  const problem = `${text[0]?.toUpperCase()}${text.slice(1)}`.replaceAll("\n", " ").replace(/\.$/, "");
  tell(io, new PlatformError("USAGE_WRONG", { problem }), json);
  return USAGE_ERROR;
}

/** One sentence, what to do, and the code. */
function tell(io: Io, error: unknown, json: boolean): void {
  const known = error instanceof PlatformError ? error : unexpected(io, error);
  const remedy = errorRemedy(known.code, known.facts);
  createScreen({ output: io.stderr, env: { ...io.env, CI: "true" } }).print([
    line(span("✖ ", "bad"), span(known.message, "bad")),
    line(`  ${remedy}  `, span(known.code, "dim")),
  ]);
  if (json) io.stdout.write(`${JSON.stringify({ error: problemOf(known.code, known.facts) }, null, 2)}\n`);
}

function unexpected(io: Io, error: unknown): PlatformError {
  if (io.env.EVENKEEL_DEBUG) io.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
  return new PlatformError("COMMAND_BROKEN", { problem: error instanceof Error ? error.message : String(error) });
}
