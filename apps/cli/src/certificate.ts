import { resolve } from "node:path";
import { allItems } from "@evenkeel/client/page";
import { line, span } from "@evenkeel/client/text/line";
import type { Certificate } from "@evenkeel/contracts/certificate";
import { PlatformError } from "@evenkeel/contracts/error";
import { readTextIfThere } from "@evenkeel/kit/durable-file";
import type { AddCommands, Cli } from "./context.ts";
import { details, table } from "./table.ts";

interface PutOptions {
  readonly chain: string;
  readonly key?: string;
  readonly default?: boolean;
}

export const addCertificateCommands: AddCommands = (program, run) => {
  const certificate = program.command("certificate").description("what gateways serve TLS by");
  certificate
    .command("put")
    .argument("<certificate>")
    .requiredOption("--chain <file>", "PEM: the certificate of the host first, then those above it")
    .option("--key <file>", "its private key as PEM; default: the key in the file of --chain")
    .option("--default", "shown also to clients that ask for a host that no certificate is for")
    .description("stores a certificate, or puts another in its place; open connections go on")
    .action(
      run(async (cli, name: string, options: PutOptions) => {
        const chain = await readFile(cli, options.chain);
        const key = options.key === undefined ? keyIn(chain) : await readFile(cli, options.key);
        const workspace = cli.workspace ?? "local";
        const body = { workspace, chain: withoutKey(chain), key, fallback: options.default === true };
        const stored = await (await cli.client()).putCertificate({ params: { certificate: name }, body });
        cli.answer(stored, [line(span("✔", "good"), ` certificate ${stored.name}`), ...show(stored), ...note(stored)]);
      }),
    );
  certificate
    .command("list")
    .description("all certificates, which hosts they are for, until when")
    .action(
      run(async (cli) => {
        const query = cli.workspace === undefined ? {} : { workspace: cli.workspace };
        const certificates = await allItems((await cli.client()).listCertificates, query);
        const unserved = certificates.filter((each) => each.unserved !== null);
        const workspaces = Map.groupBy(unserved, ({ workspace }) => workspace);
        const notes = [...workspaces.values()].flatMap(([first]) => (first === undefined ? [] : note(first)));
        const none = "There is no certificate: nothing is served by TLS.";
        cli.answer(certificates, [...table(certificates, COLUMNS, none), ...notes]);
      }),
    );
  certificate
    .command("show")
    .argument("<certificate>")
    .description("one certificate; its key is never shown")
    .action(
      run(async (cli, name: string) => {
        const query = { workspace: cli.workspace ?? "local" };
        const found = await (await cli.client()).getCertificate({ params: { certificate: name }, query });
        cli.answer(found, [...show(found), ...note(found)]);
      }),
    );
  certificate
    .command("delete")
    .argument("<certificate>")
    .description("takes a certificate away; new connections are not opened by it any more")
    .action(
      run(async (cli, name: string) => {
        const query = { workspace: cli.workspace ?? "local" };
        await (await cli.client()).deleteCertificate({ params: { certificate: name }, query });
        cli.answer({ deleted: name }, [line(span("✔", "good"), ` certificate ${name} is deleted`)]);
      }),
    );
};

async function readFile(cli: Cli, file: string): Promise<string> {
  const text = await readTextIfThere(resolve(cli.io.cwd, file));
  if (text === null) throw new PlatformError("INPUT_INVALID", { problem: `${file}: there is no such file` });
  return text;
}

const KEY = /-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]+?-----END [A-Z ]*PRIVATE KEY-----\n?/g;

const keyIn = (text: string): string => text.match(KEY)?.[0] ?? "";

const withoutKey = (text: string): string => text.replaceAll(KEY, "");

const show = ({ workspace, hosts, fallback, issuer, fingerprint, startsAt, endsAt }: Certificate) =>
  details([
    ["workspace", workspace],
    ["hosts", hosts.join(", ")],
    ["default", fallback ? "yes" : "no"],
    ["issuer", issuer],
    ["valid", `${startsAt} – ${endsAt}`],
    ["SHA-256", fingerprint],
  ]);

/** Stored is not yet served. */
const note = ({ unserved }: Certificate) =>
  unserved === null ? [] : [line(span("!", "warn"), ` ${unserved.title}`), line(`  ${unserved.remedy}`)];

const COLUMNS = [
  { title: "CERTIFICATE", value: ({ name }: Certificate) => span(name, "bold") },
  { title: "WORKSPACE", value: ({ workspace }: Certificate) => workspace },
  {
    title: "HOSTS",
    value: ({ hosts, fallback }: Certificate) => [...hosts, ...(fallback ? ["(default)"] : [])].join(" "),
  },
  { title: "ENDS", value: ({ endsAt }: Certificate) => endsAt.slice(0, 10) },
];
