import { allItems } from "@evenkeel/client/page";
import { line, span } from "@evenkeel/client/text/line";
import { PlatformError } from "@evenkeel/contracts/error";
import type { Gateway } from "@evenkeel/contracts/gateway-protocol";
import type { AddCommands } from "./context.ts";
import { table } from "./table.ts";

export const addGatewayCommands: AddCommands = (program, run) => {
  const gateway = program.command("gateway").description("the data plane");
  gateway
    .command("list")
    .description("all gateways, and whether they have the newest routes")
    .action(
      run(async (cli) => {
        const client = await cli.client();
        const query = cli.workspace === undefined ? {} : { workspace: cli.workspace };
        const gateways = await allItems(client.listGateways, query);
        cli.answer(gateways, table(gateways, COLUMNS, "No gateway has joined yet."));
      }),
    );
  gateway
    .command("remove")
    .argument("<gateway>", "name")
    .description("forgets a gateway that is gone for good")
    .action(
      run(async (cli, name: string) => {
        const client = await cli.client();
        const found = (await allItems(client.listGateways, {})).find((each) => each.name === name || each.id === name);
        if (found === undefined) throw new PlatformError("NOT_FOUND", { resource: `gateway ${name}` });
        await client.removeGateway({ params: { gatewayId: found.id } });
        cli.answer({ removed: found.id }, [line(span("✔", "good"), ` ${found.name} is removed`)]);
      }),
    );
};

const COLUMNS = [
  { title: "GATEWAY", value: ({ name }: Gateway) => span(name, "bold") },
  { title: "STATE", value: ({ state }: Gateway) => span(state, state === "online" ? "good" : "bad") },
  { title: "DRIVER", value: ({ driver }: Gateway) => driver ?? "" },
  { title: "ADDRESS", value: ({ url }: Gateway) => url ?? "" },
  {
    title: "TLS",
    value: ({ tlsPort }: Gateway) => (tlsPort === null ? "?" : tlsPort === 0 ? "off" : `port ${tlsPort}`),
  },
  {
    title: "ROUTES",
    value: ({ ackedVersion, tableVersion }: Gateway) =>
      ackedVersion === tableVersion ? span("newest", "good") : span(`${ackedVersion} of ${tableVersion}`, "warn"),
  },
];
