import { spawn } from "node:child_process";
import { join } from "node:path";
import type { AddCommands } from "./context.ts";
import { Exit } from "./exit.ts";
import { INSTALLATION } from "./session.ts";

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** `up` is the supervisor's own command line: its options go there as they are. */
export const addUpCommands: AddCommands = (program, run) => {
  program
    .command("up")
    .description("starts the platform on this machine, or goes on with what runs; Ctrl-C stops it in order")
    .argument("[options...]", "as the supervisor takes them: --replicas N, --empty, --tour, --once")
    .allowUnknownOption()
    .helpOption(false)
    .action(
      run(async (cli, options: string[]) => {
        const args = cli.json ? [...options, "--json"] : options;
        await runSupervisor(["up", ...args], cli.io.env);
      }),
    );
};

/** Hands a command line to the supervisor; throws where it does not end well. */
export async function runSupervisor(
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): Promise<void> {
  const main = join(INSTALLATION, "apps/supervisor/src/main.ts");
  const child = spawn(process.execPath, [main, ...args], { stdio: "inherit", env });
  // The terminal sends Ctrl-C to the supervisor too: this process only waits for its end.
  for (const signal of SIGNALS) process.on(signal, () => signal !== "SIGINT" && child.kill(signal));
  const code = await new Promise<number>((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (ended) => resolve(ended ?? 1));
  });
  if (code !== 0) throw new Exit(code);
}
