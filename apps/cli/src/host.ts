import { allItems } from "@evenkeel/client/page";
import { stateMark } from "@evenkeel/client/text/change";
import { bytes, duration, elapsed, line, type Span, span } from "@evenkeel/client/text/line";
import { PlatformError } from "@evenkeel/contracts/error";
import type { EditHost, Host } from "@evenkeel/contracts/host";
import type { HostOperationSpec } from "@evenkeel/contracts/host-operation";
import { HostId } from "@evenkeel/contracts/id";
import type { z } from "zod";
import { actionsOf } from "./change/actions.ts";
import { type CarryOptions, withCarryOptions } from "./change/carry-out.ts";
import { watchChange } from "./change/watch.ts";
import { type AddCommands, type Cli, commandLines } from "./context.ts";
import { Exit } from "./exit.ts";
import { numberOf } from "./number-option.ts";
import { type StrategyOptions, strategyOf, withStrategyOptions } from "./strategy-options.ts";
import { details, table } from "./table.ts";
import { moveTraffic } from "./traffic-rule.ts";

export const addHostCommands: AddCommands = (program, run) => {
  const host = program.command("host").description("servers with an agent");
  host
    .command("list")
    .description("all hosts, and how they are")
    .action(
      run(async (cli) => {
        const hosts = await listHosts(cli);
        cli.answer(hosts, table(hosts, COLUMNS, "No host has joined yet: `evenkeel host token` makes a join token."));
      }),
    );
  host
    .command("show")
    .argument("<host>", "name or id")
    .description("one host with its facts")
    .action(
      run(async (cli, name: string) => {
        const found = await findHost(cli, name);
        cli.answer(found, hostDetails(cli, found));
      }),
    );
  host
    .command("token")
    .description("makes a join token that works once")
    .option("--for <kind>", "host or gateway", "host")
    .option("--zone <zone>", "zone of the host that joins with it")
    .option("--cell <cell>", "cell of the host that joins with it")
    .option("--valid <seconds>", "how long it may be used", numberOf, 3600)
    .action(
      run(async (cli, options: { for: "host" | "gateway"; zone?: string; cell?: string; valid: number }) => {
        const client = await cli.client();
        const { zone, cell, valid } = options;
        const body = {
          workspace: cli.workspace ?? "local",
          for: options.for,
          validSeconds: valid,
          ...(zone && { zone }),
          ...(cell && { cell }),
        };
        const made = await client.createJoinToken({ body });
        cli.answer(made, [
          line(span(made.token, "bold")),
          line(span(`  works once, until ${made.expiresAt}`, "dim")),
          line(span(`  start the ${options.for} with EVENKEEL_JOIN_TOKEN and EVENKEEL_CONTROL_PLANES set`, "dim")),
        ]);
      }),
    );
  addKeeping(host, run);
  addMove(host, run);
  withStrategyOptions(
    host
      .command("probe")
      .argument("[hosts...]", "names; all where none is given")
      .description("sends each agent a command that does nothing, and waits until all have answered"),
  ).action(run(probe));
};

async function probe(cli: Cli, names: string[], options: StrategyOptions): Promise<void> {
  const client = await cli.client();
  const strategy = strategyOf(options);
  const spec: z.input<typeof HostOperationSpec> = {
    workspace: cli.workspace ?? "local",
    operation: "probe",
    hosts: names.length === 0 ? "all" : names,
    ...(strategy !== null && { strategy }),
  };
  const { id } = await client.createChange({ body: { kind: "host-operation", spec, start: {} } });
  const ended = await watchChange(cli, id);
  const took = elapsed(ended.startedAt, ended.finishedAt, Date.now());
  const { succeeded, total } = ended.targets;
  const answered = `${succeeded} of ${total} hosts answered in ${took}`;
  cli.answer(ended, [line(stateMark(ended.state), ` ${answered}`), ...commandLines(cli, actionsOf(ended))]);
  if (ended.state !== "succeeded") throw new Exit(1);
}

const addMove: AddCommands = (host, run) => {
  withCarryOptions(
    withStrategyOptions(
      host
        .command("move")
        .argument("<hosts...>", "names or ids")
        .description("moves hosts to another cell, by a change")
        .requiredOption("--cell <cell>", "whose users they serve from then on; none = in no cell")
        .option("--allow-gap", "even where users of a cell find nobody of a service then"),
    ),
  ).action(run(move));
};

interface HostMoveOptions extends StrategyOptions, CarryOptions {
  readonly cell: string;
  readonly allowGap?: boolean;
}

async function move(cli: Cli, names: string[], { cell, allowGap, ...options }: HostMoveOptions): Promise<void> {
  const isId = (text: string) => HostId.safeParse(text).success;
  const hosts = await Promise.all(
    names.map(async (name) => ({
      host: isId(name) ? (await findHost(cli, name)).name : name,
      cell: cell === "none" ? null : cell,
    })),
  );
  await moveTraffic(cli, { hosts, ...(allowGap && { allowGap }) }, options);
}

interface EditOptions {
  readonly zone?: string;
  readonly label?: string[];
}

const addKeeping: AddCommands = (host, run) => {
  host
    .command("edit")
    .argument("<host>", "name or id")
    .description("says where a host stands, and what it is called by; `host move` moves it to another cell")
    .option("--zone <zone>", "its zone")
    .option("--label <labels...>", "as in rack=r1; rack= takes it away; others stay")
    .action(
      run(async (cli, name: string, options: EditOptions) => {
        const found = await findHost(cli, name);
        const body = editOf(found, options);
        const edited = await (await cli.client()).editHost({ params: { hostId: found.id }, body });
        cli.answer(edited, [line(span("✔", "good"), ` ${edited.name} is in ${placeOf(edited)}`)]);
      }),
    );
  host
    .command("admit")
    .argument("<host>", "name or id")
    .description("takes a host back that was set aside")
    .action(
      run(async (cli, name: string) => {
        const found = await findHost(cli, name);
        const admitted = await (await cli.client()).admitHost({ params: { hostId: found.id } });
        cli.answer(admitted, [line(span("✔", "good"), ` ${admitted.name} is admitted: `, hostState(admitted))]);
      }),
    );
  host
    .command("remove")
    .argument("<host>", "name or id")
    .description("forgets a host that is gone for good")
    .action(
      run(async (cli, name: string) => {
        const found = await findHost(cli, name);
        await (await cli.client()).removeHost({ params: { hostId: found.id } });
        cli.answer({ removed: found.id }, [line(span("✔", "good"), ` ${found.name} is removed`)]);
      }),
    );
};

function editOf(host: Host, { zone, label }: EditOptions): EditHost {
  if (zone === undefined && label === undefined)
    throw new PlatformError("INPUT_INVALID", { problem: "--zone or --label is missing" });
  return {
    ...(zone !== undefined && { zone }),
    ...(label !== undefined && { labels: labelsOf(host, label) }),
  };
}

function labelsOf(host: Host, texts: readonly string[]): Record<string, string> {
  const labels = { ...host.labels };
  for (const text of texts) {
    const [, key, value] = /^([^=]+)=(.*)$/.exec(text) ?? [];
    if (key === undefined)
      throw new PlatformError("INPUT_INVALID", { problem: `${text}: must be a name and its value, as in rack=r1` });
    if (value) labels[key] = value;
    else delete labels[key];
  }
  return labels;
}

function placeOf({ zone, cell, labels }: Host): string {
  return [`zone ${zone}`, ...(cell === null ? [] : [`cell ${cell}`]), ...labelWords({ labels })].join(", ");
}

const labelWords = ({ labels }: Pick<Host, "labels">): string[] =>
  Object.entries(labels).map(([key, value]) => `${key}=${value}`);

const percent = (part: number, whole: number): string => `${whole === 0 ? 0 : Math.round((100 * part) / whole)} %`;

const COLUMNS = [
  { title: "HOST", value: (host: Host) => span(host.name, "bold") },
  { title: "ZONE", value: (host: Host) => host.zone },
  { title: "CELL", value: (host: Host) => host.cell ?? "" },
  { title: "STATE", value: hostState },
  { title: "ADDRESS", value: (host: Host) => host.address },
  { title: "CPU", value: ({ facts }: Host) => (facts === null ? "" : percent(facts.cpuBusy, 1)) },
  {
    title: "MEMORY FREE",
    value: ({ facts }: Host) => (facts === null ? "" : bytes(facts.memoryAvailableBytes)),
  },
  { title: "DISK FREE", value: ({ facts }: Host) => (facts === null ? "" : bytes(facts.diskFreeBytes)) },
];

/** The state in its tone. */
export function hostState({ state }: Host): Span {
  return span(state, state === "online" ? "good" : state === "joining" ? "busy" : "bad");
}

export async function listHosts(cli: Cli): Promise<Host[]> {
  const client = await cli.client();
  const hosts = await allItems(client.listHosts, cli.workspace === undefined ? {} : { workspace: cli.workspace });
  return hosts.sort((one, other) => one.name.localeCompare(other.name, "en", { numeric: true }));
}

export async function findHost(cli: Cli, name: string): Promise<Host> {
  const client = await cli.client();
  const id = HostId.safeParse(name);
  if (id.success) return client.getHost({ params: { hostId: id.data } });
  const found = (await listHosts(cli)).filter((host) => host.name === name);
  if (found.length > 1) {
    throw new PlatformError("NAME_AMBIGUOUS", { name, matches: found.map((host) => host.id).join(" or ") });
  }
  if (found[0] === undefined) throw new PlatformError("NOT_FOUND", { resource: `host ${name}` });
  return found[0];
}

function hostDetails(cli: Cli, host: Host) {
  const { facts, clockSkewMs } = host;
  const measured: [string, string][] =
    facts === null
      ? []
      : [
          ["system", `${facts.os}, kernel ${facts.kernel}, Node ${facts.node}, agent ${facts.agentVersion}`],
          ["cpu", `${facts.cpus} cores, ${percent(facts.cpuBusy, 1)} busy, load ${facts.load1}`],
          ["memory", `${bytes(facts.memoryAvailableBytes)} of ${bytes(facts.memoryTotalBytes)} available`],
          ["disk", `${bytes(facts.diskFreeBytes)} of ${bytes(facts.diskTotalBytes)} free`],
        ];
  return [
    ...details([
      ["host", span(host.name, "bold")],
      ["id", host.id],
      ["state", hostState(host)],
      ["since", `${duration(Date.now() - Date.parse(host.stateSince))} ago`],
      ["zone", host.zone],
      ["cell", host.cell ?? ""],
      ["labels", labelWords(host).join(", ")],
      ["address", host.address],
      ["clock", clockSkewMs === null ? "" : `${Math.round(clockSkewMs)} ms off`],
      ...measured,
    ]),
    ...commandLines(
      cli,
      host.allowedActions
        .filter((action) => action === "admit" || action === "remove")
        .map((action) => [`host ${action} ${host.name}`, action === "admit" ? "takes it back" : "forgets it"] as const),
    ),
  ];
}
