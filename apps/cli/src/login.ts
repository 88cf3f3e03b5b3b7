import { createClient } from "@evenkeel/client/client";
import { line, span } from "@evenkeel/client/text/line";
import { PlatformError } from "@evenkeel/contracts/error";
import type { AddCommands, Cli } from "./context.ts";
import { Exit } from "./exit.ts";
import { findLocal, homeOf, removeSession, type Session, writeSession } from "./session.ts";

export const addLoginCommands: AddCommands = (program, run) => {
  program
    .command("login")
    .description("logs in; without an address, to the platform on this machine")
    .argument("[url]", "address of a control plane, several separated by commas")
    .option("--token <token>", "access token (else it is asked for, or read from EVENKEEL_TOKEN)")
    .action(
      run(async (cli, url: string | undefined, { token }: { token?: string }) => {
        const session = await chooseSession(cli, url, token);
        const client = createClient({ url: session.urls, token: session.token });
        const { principal, may } = await client.whoAmI();
        const file = await writeSession(cli.io.env, { ...session, principal: principal.name });
        const address = session.urls.join(", ");
        cli.answer({ urls: session.urls, principal: principal.name, may, file }, [
          line(span("✔", "good"), " logged in to ", span(address, "bold"), ` as ${principal.name}`),
          line(span(`  may ${may.join(", ")}; stored in ${file}`, "dim")),
        ]);
      }),
    );
  program
    .command("logout")
    .description("forgets the stored access token")
    .action(
      run(async (cli) => {
        await removeSession(cli.io.env);
        cli.answer({ loggedOut: true }, [line(span("✔", "good"), " logged out")]);
      }),
    );
};

async function chooseSession(cli: Cli, url: string | undefined, token: string | undefined): Promise<Session> {
  const local = await findLocal(homeOf(cli.io.env));
  const urls = url?.split(",").map((each) => (each.includes("://") ? each : `http://${each}`));
  const isLocal = local !== null && (urls === undefined || urls.every((each) => local.urls.includes(each)));
  const given = token ?? cli.io.env.EVENKEEL_TOKEN;
  if (isLocal && given === undefined) return local;
  const chosen = urls ?? local?.urls;
  if (chosen === undefined) {
    throw new PlatformError("PLATFORM_NOT_FOUND", { home: homeOf(cli.io.env) });
  }
  return { urls: chosen, token: given ?? (await askToken(cli)), home: null, principal: "" };
}

async function askToken(cli: Cli): Promise<string> {
  if (!cli.io.interactive) throw new PlatformError("TOKEN_MISSING");
  const { isCancel, password } = await import("@clack/prompts");
  const answer = await password({ message: "Access token" });
  if (isCancel(answer)) throw new Exit(1);
  return answer;
}
