import type { Client } from "@evenkeel/client/client";
import { line, span } from "@evenkeel/client/text/line";
import type { ServiceId } from "@evenkeel/contracts/id";
import type { LogLine } from "@evenkeel/contracts/service";
import type { AddCommands } from "./context.ts";
import { numberOf } from "./number-option.ts";
import { findService } from "./service.ts";

interface LogsOptions {
  readonly follow?: boolean;
  readonly lines: number;
  readonly host?: string;
}

export const addLogsCommands: AddCommands = (program, run) => {
  program
    .command("logs")
    .argument("<service>", "name or id")
    .description("output of a service's instances")
    .option("-f, --follow", "stay and print what comes; with --json one value a line")
    .option("-n, --lines <count>", "lines of each instance to begin with", numberOf, 100)
    .option("--host <host>", "of this host only")
    .action(
      run(async (cli, name: string, options: LogsOptions) => {
        const service = await findService(cli, name);
        const collected: LogLine[] = [];
        await untilInterrupted(async (signal) => {
          for await (const entry of read(await cli.client(), service.id, { ...options, signal })) {
            if (!cli.json) cli.note(logLine(entry));
            else if (options.follow) cli.io.stdout.write(`${JSON.stringify(entry)}\n`);
            else collected.push(entry);
          }
        });
        if (cli.json && !options.follow) cli.answer(collected, []);
      }),
    );
};

function read(
  client: Client,
  service: ServiceId,
  { follow, lines, host, signal }: LogsOptions & { signal: AbortSignal },
) {
  return client.readLogs(service, { lines, signal, ...(follow && { follow: "true" }), ...(host && { host }) });
}

/** Ctrl-C ends the reading without an error. */
async function untilInterrupted(work: (signal: AbortSignal) => Promise<void>): Promise<void> {
  const stop = new AbortController();
  const end = () => stop.abort();
  process.once("SIGINT", end);
  try {
    await work(stop.signal);
  } catch (error) {
    if (!stop.signal.aborted) throw error;
  } finally {
    process.off("SIGINT", end);
  }
}

function logLine({ host, letter, stream, text }: LogLine) {
  return line(span(`${host}/${letter} │ `, "dim"), span(text, stream === "stderr" ? "warn" : "plain"));
}
