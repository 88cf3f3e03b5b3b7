import { spawn } from "node:child_process";
import { line, span } from "@evenkeel/client/text/line";
import { PlatformError } from "@evenkeel/contracts/error";
import { findChange } from "./change/find.ts";
import type { AddCommands, Cli } from "./context.ts";
import { findService } from "./service.ts";
import { readSession } from "./session.ts";

/** Pages that have a word of their own; with a workspace where there is one of them in each. */
const PAGES: Readonly<Record<string, (workspace: string) => string>> = {
  changes: (workspace) => `/w/${workspace}/changes`,
  services: (workspace) => `/w/${workspace}/services`,
  hosts: (workspace) => `/w/${workspace}/hosts`,
  routes: (workspace) => `/w/${workspace}/routes`,
  gateways: (workspace) => `/w/${workspace}/gateways`,
  topology: (workspace) => `/w/${workspace}/topology`,
  modules: (workspace) => `/w/${workspace}/modules`,
  placement: (workspace) => `/w/${workspace}/placement`,
  bases: (workspace) => `/w/${workspace}/bases`,
  cells: (workspace) => `/w/${workspace}/cells`,
  "traffic-rules": (workspace) => `/w/${workspace}/traffic-rules`,
  release: (workspace) => `/w/${workspace}/release`,
  applications: () => "/applications",
  packages: () => "/packages",
  buildpacks: () => "/buildpacks",
  approvals: () => "/approvals",
  admissions: () => "/admissions",
  reviews: () => "/reviews",
  windows: () => "/windows",
  locks: () => "/locks",
  audit: () => "/audit",
  tokens: () => "/tokens",
  doctor: () => "/doctor",
  settings: () => "/settings",
};

export const addOpenCommands: AddCommands = (program, run) => {
  program
    .command("open")
    .description("opens the console, logged in: its home, or the page of what is named")
    .argument("[what]", `a change or service by name or id, \`latest\`, or ${Object.keys(PAGES).join(", ")}`)
    .option("--print", "only print the address")
    .action(
      run(async (cli, what: string | undefined, { print = false }: { print?: boolean }) => {
        const path = await pathOf(cli, what);
        const { urls } = await readSession(cli.io.env);
        const { link, expiresAt } = await (await cli.client()).createLoginLink({ body: {} });
        const address = `${urls[0]}/login#${new URLSearchParams({ link, to: path })}`;
        const opened = !print && !cli.json && cli.io.interactive && (await openBrowser(address));
        cli.answer({ address, expiresAt }, [
          line(opened ? "opened " : "", span(address, "bold")),
          line(span("  works once, within ten minutes", "dim")),
        ]);
      }),
    );
};

async function pathOf(cli: Cli, what: string | undefined): Promise<string> {
  const workspace = cli.workspace ?? "local";
  if (what === undefined) return `/w/${workspace}`;
  const page = Object.hasOwn(PAGES, what) ? PAGES[what] : undefined;
  if (page !== undefined) return page(workspace);
  const service = await findService(cli, what).catch(noneIfMissing);
  return service === null ? `/changes/${await findChange(cli, what)}` : `/services/${service.id}`;
}

function noneIfMissing(error: unknown): null {
  if (error instanceof PlatformError && error.code === "NOT_FOUND") return null;
  throw error;
}

/** False where there is no browser to be opened, as on a server. */
async function openBrowser(address: string): Promise<boolean> {
  const child = spawn(process.platform === "darwin" ? "open" : "xdg-open", [address], {
    stdio: "ignore",
    detached: true,
  });
  child.unref();
  return await new Promise((resolve) => {
    child.once("error", () => resolve(false));
    child.once("spawn", () => resolve(true));
  });
}
