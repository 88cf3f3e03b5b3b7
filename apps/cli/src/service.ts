import { allItems } from "@evenkeel/client/page";
import { duration, type Line, line, type Span, span } from "@evenkeel/client/text/line";
import { PlatformError } from "@evenkeel/contracts/error";
import { ServiceId } from "@evenkeel/contracts/id";
import { REMOVAL_ORDER } from "@evenkeel/contracts/removal-order";
import type { Instance, Revision, Service } from "@evenkeel/contracts/service";
import { answerEnd, type CarryOptions, carryOut, withCarryOptions } from "./change/carry-out.ts";
import type { AddCommands, Cli } from "./context.ts";
import { details, table } from "./table.ts";

export const addServiceCommands: AddCommands = (program, run) => {
  const service = program.command("service").description("applications that run in a workspace");
  service
    .command("list")
    .description("all services and the version they run")
    .action(
      run(async (cli) => {
        const services = await listServices(cli);
        cli.answer(services, table(services, COLUMNS, "No service yet: `evenkeel deploy` makes one."));
      }),
    );
  service
    .command("show")
    .argument("<service>", "name or id")
    .description("one service: revision, parameters, routes, instances")
    .action(
      run(async (cli, name: string) => {
        const found = await findService(cli, name);
        const client = await cli.client();
        const params = { serviceId: found.id };
        const instances = await allItems((input) => client.listInstances({ params, ...input }), {});
        cli.answer({ ...found, instances }, [...serviceDetails(found), line(""), ...instanceTable(instances)]);
      }),
    );
  service
    .command("revisions")
    .argument("<service>", "name or id")
    .description("its revisions, newest first")
    .action(
      run(async (cli, name: string) => {
        const found = await findService(cli, name);
        const client = await cli.client();
        const params = { serviceId: found.id };
        const revisions = await allItems((input) => client.listRevisions({ params, ...input }), {}, 200);
        cli.answer(revisions, table(revisions, revisionColumns(found), "Nothing was released yet."));
      }),
    );
  service
    .command("set")
    .argument("<service>", "name or id")
    .argument("<parameters...>", "NAME=VALUE; NAME= sets it empty, NAME- takes it away")
    .description("sets parameters (environment), for the next release whose manifest has no env")
    .action(
      run(async (cli, name: string, parameters: string[]) => {
        const found = await findService(cli, name);
        const env = applyParameters(found.parameters.env, parameters);
        const client = await cli.client();
        const after = await client.setParameters({ params: { serviceId: found.id }, body: { env } });
        cli.answer(after, [
          line(span("✔", "good"), ` parameters of ${after.name} are at version ${after.parameters.version}`),
          line(span("  they take effect with the next release, unless its manifest has `env:`", "dim")),
        ]);
      }),
    );
  addRemove(service, run);
};

const addRemove: AddCommands = (service, run) => {
  const remove = service
    .command("remove")
    .argument("<service>", "name or id")
    .description("takes it away: instances, routes, revisions, parameters; lists first what goes");
  withCarryOptions(remove).action(
    run(async (cli, service: string, options: CarryOptions) => removeService(cli, { service, options })),
  );
};

interface Removing {
  readonly service: string;
  readonly options: CarryOptions;
}

async function removeService(cli: Cli, { service: given, options }: Removing): Promise<void> {
  const { name: service, workspace } = await findService(cli, given);
  const question = `Remove ${service} for good?`;
  const ended = await carryOut(
    cli,
    { kind: REMOVAL_ORDER, spec: { workspace, service }, question, forGood: true },
    options,
  );
  if (ended !== null) answerEnd(cli, ended);
}

export async function listServices(cli: Cli): Promise<Service[]> {
  const client = await cli.client();
  return allItems(client.listServices, cli.workspace === undefined ? {} : { workspace: cli.workspace });
}

/** A service by its id, or by its name where that names one only. */
export async function findService(cli: Cli, name: string): Promise<Service> {
  const client = await cli.client();
  const id = ServiceId.safeParse(name);
  if (id.success) return client.getService({ params: { serviceId: id.data } });
  const found = (await listServices(cli)).filter((service) => service.name === name);
  if (found.length > 1) {
    const matches = found.map(({ workspace }) => `${name} in ${workspace}`).join(" or ");
    throw new PlatformError("NAME_AMBIGUOUS", { name, matches });
  }
  if (found[0] === undefined) throw new PlatformError("NOT_FOUND", { resource: `service ${name}` });
  return found[0];
}

function applyParameters(env: Readonly<Record<string, string>>, given: readonly string[]): Record<string, string> {
  const next = { ...env };
  for (const each of given) {
    const [, name = "", sign, value = ""] = /^([A-Za-z_][A-Za-z0-9_]*)(=|-)(.*)$/s.exec(each) ?? [];
    if (name === "" || (sign === "-" && value !== "")) {
      throw new PlatformError("INPUT_INVALID", { problem: `${each} is neither NAME=VALUE nor NAME-` });
    }
    if (sign === "-") delete next[name];
    else next[name] = value;
  }
  return next;
}

const COLUMNS = [
  { title: "SERVICE", value: ({ name }: Service) => span(name, "bold") },
  { title: "WORKSPACE", value: ({ workspace }: Service) => workspace },
  { title: "VERSION", value: ({ revision }: Service) => revision?.packageVersion ?? span("never released", "dim") },
  {
    title: "BUILDPACK",
    value: ({ revision, definition }: Service) => revision?.buildpack.name ?? definition.buildpack,
  },
  {
    title: "ROUTES",
    value: ({ definition }: Service) => definition.routes.map(({ host, path }) => `${host}${path}`).join(", "),
  },
];

function serviceDetails(service: Service): Line[] {
  const { revision, definition, parameters } = service;
  const env = Object.entries(parameters.env).map(([name, value]) => `${name}=${value}`);
  return details([
    ["service", span(service.name, "bold")],
    ["id", service.id],
    ["workspace", service.workspace],
    ["application", service.application],
    ["version", revision === null ? span("never released", "dim") : revision.packageVersion],
    ["revision", revision === null ? "" : `${revision.id}  ${revision.digest.slice(0, 19)}…`],
    ["start", revision?.configuration.start ?? definition.start ?? ""],
    ["routes", definition.routes.map(({ host, path }) => `${host}${path}`).join(", ")],
    ["parameters", `${env.join(" ")}  (version ${parameters.version})`],
  ]);
}

function instanceTable(all: readonly Instance[]): Line[] {
  const instances = all.filter(({ state }) => state !== "stopped");
  return table(
    instances,
    [
      { title: "HOST", value: ({ hostName }) => span(hostName, "bold") },
      { title: "ZONE", value: ({ zone }) => zone },
      { title: "VERSION", value: ({ packageVersion }) => packageVersion },
      { title: "STATE", value: instanceState },
      { title: "TRAFFIC", value: ({ traffic }) => span(traffic, traffic === "attached" ? "good" : "warn") },
      { title: "ADDRESS", value: ({ address, port }) => `${address}:${port}` },
      { title: "PID", value: ({ pid }) => String(pid ?? "") },
      { title: "RESTARTS", value: ({ restarts }) => String(restarts) },
      { title: "FOR", value: ({ since }) => duration(Date.now() - Date.parse(since)) },
    ],
    "No instance runs.",
  );
}

function instanceState({ state }: Instance): Span {
  const tone = state === "healthy" ? "good" : ["starting", "stopping"].includes(state) ? "busy" : "bad";
  return span(state, tone);
}

function revisionColumns(service: Service) {
  const mark = ({ id }: Revision) =>
    id === service.revision?.id ? span("current", "good") : id === service.previousRevisionId ? "previous" : "";
  return [
    { title: "REVISION", value: ({ id }: Revision) => id },
    { title: "VERSION", value: ({ packageVersion }: Revision) => span(packageVersion, "bold") },
    { title: "BUILDPACK", value: ({ buildpack }: Revision) => `${buildpack.name} ${buildpack.version}` },
    { title: "MADE", value: ({ createdAt }: Revision) => createdAt },
    { title: "", value: mark },
  ];
}
