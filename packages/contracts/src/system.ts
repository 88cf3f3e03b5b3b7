import { z } from "zod";
import { Finding } from "./change.ts";
import { endpoint } from "./endpoint.ts";
import { Moment } from "./id.ts";

export const systemEndpoints = {
  /** Ready to serve: database reached, migrations done. */
  getHealth: endpoint("GET", "/health", {
    needs: "public",
    reply: z.strictObject({ status: z.literal("ok"), version: z.string(), replicaId: z.string() }),
  }),
  /** What is wrong or in the way, and which action frees it. */
  getDoctor: endpoint("GET", "/doctor", {
    needs: "doctor:read",
    reply: z.strictObject({
      items: z.array(Finding),
      checkedAt: Moment,
      postgres: z.string(),
      replicas: z.array(z.string()),
    }),
  }),
};
