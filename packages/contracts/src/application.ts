import { z } from "zod";
import { endpoint, page, pageQuery } from "./endpoint.ts";
import { ApplicationId, Moment, Name } from "./id.ts";

const editable = {
  owner: z.string().max(100),
  group: z.string().max(100),
  level: z.int().min(1).max(5),
  tags: z.array(z.string().max(60)).max(50),
  metadata: z.record(z.string().max(60), z.string().max(1000)),
};

export const Application = z.strictObject({
  id: ApplicationId,
  name: Name,
  ...editable,
  version: z.int(),
  createdAt: Moment,
});
export type Application = z.infer<typeof Application>;

/** `owner` defaults to the principal that creates it. */
export const CreateApplication = z.strictObject({
  name: Name,
  owner: editable.owner.optional(),
  group: editable.group.default(""),
  level: editable.level.default(3),
  tags: editable.tags.default([]),
  metadata: editable.metadata.default({}),
});
export type CreateApplication = z.infer<typeof CreateApplication>;
export const EditApplication = z.strictObject(editable).partial();
export type EditApplication = z.infer<typeof EditApplication>;

const byApplication = z.strictObject({ application: Name });

export const applicationEndpoints = {
  listApplications: endpoint("GET", "/applications", {
    needs: "application:read",
    query: pageQuery.extend({
      owner: z.string().optional(),
      group: z.string().optional(),
      level: z.coerce.number().int().optional(),
      tag: z.string().optional(),
    }),
    reply: page(Application),
  }),
  getApplication: endpoint("GET", "/applications/{application}", {
    needs: "application:read",
    params: byApplication,
    reply: Application,
  }),
  createApplication: endpoint("POST", "/applications", {
    needs: "application:create",
    body: CreateApplication,
    reply: Application,
    status: 201,
    idempotent: true,
  }),
  editApplication: endpoint("PATCH", "/applications/{application}", {
    needs: "application:update",
    params: byApplication,
    body: EditApplication,
    reply: Application,
  }),
};
