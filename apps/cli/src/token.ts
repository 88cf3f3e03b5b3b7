import { allItems } from "@evenkeel/client/page";
import { line, span } from "@evenkeel/client/text/line";
import { PlatformError } from "@evenkeel/contracts/error";
import { TokenId } from "@evenkeel/contracts/id";
import type { Token } from "@evenkeel/contracts/principal";
import type { AddCommands } from "./context.ts";
import { numberOf } from "./number-option.ts";
import { table } from "./table.ts";

export const addTokenCommands: AddCommands = (program, run) => {
  const token = program.command("token").description("access tokens of people and service accounts");
  token
    .command("create")
    .description("makes an access token; it is shown once")
    .requiredOption("--as <name>", "who acts with it; made on first use")
    .requiredOption("--may <permissions...>", "what it may do, as noun:verb; either side may be *")
    .option("--valid <seconds>", "how long it lives", numberOf)
    .action(
      run(async (cli, options: { as: string; may: string[]; valid?: number }) => {
        const client = await cli.client();
        const may = options.may.flatMap((each) => each.split(","));
        const valid = options.valid === undefined ? {} : { validSeconds: options.valid };
        const made = await client.createToken({ body: { as: options.as, may, ...valid } });
        cli.answer(made, [
          line(span(made.secret, "bold")),
          line(span(`  shown once; ${made.principal} may ${made.may.join(", ")}`, "dim")),
        ]);
      }),
    );
  token
    .command("list")
    .description("all tokens, without their secrets")
    .action(
      run(async (cli) => {
        const tokens = await allItems((await cli.client()).listTokens, {});
        cli.answer(tokens, table(tokens, COLUMNS, "There is no token."));
      }),
    );
  token
    .command("revoke")
    .argument("<token-id>")
    .description("ends a token at once")
    .action(
      run(async (cli, id: string) => {
        const parsed = TokenId.safeParse(id);
        if (!parsed.success) throw new PlatformError("NOT_FOUND", { resource: `token ${id}` });
        await (await cli.client()).revokeToken({ params: { tokenId: parsed.data } });
        cli.answer({ revoked: id }, [line(span("✔", "good"), ` ${id} is revoked`)]);
      }),
    );
};

const COLUMNS = [
  { title: "TOKEN", value: ({ id }: Token) => id },
  { title: "OF", value: ({ principal }: Token) => span(principal, "bold") },
  { title: "MAY", value: ({ may }: Token) => may.join(", ") },
  { title: "EXPIRES", value: ({ expiresAt }: Token) => expiresAt ?? "never" },
];
