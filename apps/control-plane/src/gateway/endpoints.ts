import { notify } from "@evenkeel/kit/notify";
import type { Kysely } from "kysely";
import type { Database } from "../database.ts";
import { closeGateway } from "../gateway-link/index.ts";
import { useJoinToken } from "../host/index.ts";
import { type Handlers, pageStart, toPage } from "../http/index.ts";
import { newSecret, secretDigest } from "../principal/index.ts";
import { TRAFFIC_CHANNEL } from "../route/index.ts";
import { deleteGateway, insertGateway, readGateways } from "./store.ts";

export function gatewayHandlers({
  db,
}: {
  readonly db: Kysely<Database>;
}): Handlers<"listGateways" | "joinGateway" | "removeGateway"> {
  return {
    listGateways: async ({ caller, query }) => {
      const { tenantId } = caller;
      const rows = await readGateways(db, { tenantId, workspace: query.workspace, ...pageStart(query) });
      return toPage(rows, query, { show: (row) => row, keyOf: ({ id }) => id });
    },
    joinGateway: async ({ body, effect, audit }) => {
      const credential = newSecret();
      return await effect(async (tx) => {
        const token = { digest: secretDigest(body.token), joins: "gateway" as const, usedBy: body.name };
        const { tenantId, workspaceId } = await useJoinToken(tx, token);
        const credentialDigest = secretDigest(credential);
        const gatewayId = await insertGateway(tx, { ...body, tenantId, workspaceId, credentialDigest });
        audit.resource = `gateway/${gatewayId}`;
        audit.as = { tenantId, principal: `gateway ${body.name}`, action: "gateway:join" };
        return { gatewayId, credential };
      });
    },
    removeGateway: async ({ caller, params: { gatewayId }, effect }) => {
      await effect(async (tx) => {
        const workspaceId = await deleteGateway(tx, { tenantId: caller.tenantId, gatewayId });
        await closeGateway(tx, gatewayId);
        await notify(tx, TRAFFIC_CHANNEL, workspaceId);
        return undefined;
      });
    },
  };
}
