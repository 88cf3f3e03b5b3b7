import { API_PREFIX, api, type OperationName } from "@evenkeel/contracts/api";
import type { Endpoint } from "@evenkeel/contracts/endpoint";
import { ProblemDocument } from "@evenkeel/contracts/error";
import { z } from "zod";

type Json = Record<string, unknown>;

/** The OpenAPI 3.1 document of these operations, made from the catalogue of endpoints. */
export function openApiDocument(operations: readonly OperationName[], version: string): Json {
  const paths: Record<string, Json> = {};
  for (const name of operations) {
    const endpoint: Endpoint = api[name];
    const path = `${API_PREFIX}${endpoint.path}`;
    paths[path] = { ...paths[path], [endpoint.method.toLowerCase()]: operationOf(name, endpoint) };
  }
  return {
    openapi: "3.1.0",
    info: { title: "Evenkeel", version, license: { name: "Apache-2.0", identifier: "Apache-2.0" } },
    paths,
    components: {
      securitySchemes: { token: { type: "http", scheme: "bearer" } },
      schemas: { Problem: schemaOf(ProblemDocument, "output") },
    },
  };
}

function operationOf(name: OperationName, endpoint: Endpoint): Json {
  const body = bodyOf(endpoint);
  return {
    operationId: name,
    "x-permission": endpoint.needs,
    ...(endpoint.needs === "public" ? {} : { security: [{ token: [] }] }),
    parameters: [
      ...parametersOf(endpoint.params, "path"),
      ...parametersOf(endpoint.query, "query"),
      ...(endpoint.idempotent ? [IDEMPOTENCY_KEY] : []),
    ],
    ...(body === null ? {} : { requestBody: { required: true, content: body } }),
    responses: {
      [endpoint.status ?? 200]: { description: "Done", ...replyOf(endpoint) },
      default: { description: "Refused", content: { "application/problem+json": { schema: PROBLEM } } },
    },
  };
}

const PROBLEM = { $ref: "#/components/schemas/Problem" };
const IDEMPOTENCY_KEY = {
  name: "Idempotency-Key",
  in: "header",
  required: false,
  description: "The same key within 24 hours gets the first answer again.",
  schema: { type: "string", maxLength: 200 },
};

function bodyOf(endpoint: Endpoint): Json | null {
  if (endpoint.bodyKind === "raw") return { "application/octet-stream": { schema: {} } };
  return endpoint.body === undefined ? null : { "application/json": { schema: schemaOf(endpoint.body, "input") } };
}

function replyOf(endpoint: Endpoint): Json {
  if (endpoint.replyKind === "events") return { content: { "text/event-stream": { schema: { type: "string" } } } };
  if (endpoint.replyKind === "raw") return { content: { "application/octet-stream": { schema: {} } } };
  if (endpoint.reply === undefined) return {};
  return { content: { "application/json": { schema: schemaOf(endpoint.reply, "output") } } };
}

function parametersOf(schema: z.ZodObject | undefined, place: "path" | "query"): Json[] {
  if (schema === undefined) return [];
  const { properties = {}, required = [] } = schemaOf(schema, "input") as { properties?: Json; required?: string[] };
  return Object.entries(properties).map(([name, inner]) => ({
    name,
    in: place,
    required: required.includes(name),
    schema: inner,
  }));
}

function schemaOf(schema: z.ZodType, io: "input" | "output"): Json {
  const { $schema: _, ...json } = z.toJSONSchema(schema, { io, unrepresentable: "any" });
  return json;
}
