import { API_PREFIX, api } from "@evenkeel/contracts/api";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Installation, startInstallation } from "../testing.ts";

type Json = Record<string, unknown>;
interface Operation {
  readonly operationId: string;
  readonly parameters: readonly { readonly name: string; readonly in: string }[];
  readonly security?: unknown;
  readonly "x-permission": string;
}

let here: Installation;
let document: { openapi: string; paths: Record<string, Record<string, Operation>>; components: { schemas: Json } };
beforeAll(async () => {
  here = await startInstallation();
  const response = await fetch(`${here.replicas[0]!.url}/api/openapi.json`);
  document = (await response.json()) as typeof document;
});
afterAll(async () => {
  await here.close();
});

const operations = () =>
  Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method: method.toUpperCase(), operation })),
  );

test("the document is OpenAPI 3.1 and has every endpoint of the catalogue, once", () => {
  expect(document.openapi).toBe("3.1.0");
  const told = operations().map(({ path, method, operation }) => `${method} ${path} ${operation.operationId}`);
  const catalogue = Object.entries(api).map(([name, { method, path }]) => `${method} ${API_PREFIX}${path} ${name}`);
  expect(told.toSorted()).toEqual(catalogue.toSorted());
});

test("the running server serves what the document tells, and no other method on these paths", async () => {
  for (const [path, methods] of Object.entries(document.paths)) {
    const url = `${here.replicas[0]!.url}${path.replaceAll(/\{\w+\}/g, "x")}`;
    for (const method of ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"]) {
      const { status } = await fetch(url, { method });
      const served = method.toLowerCase() in methods;
      const answer = served ? status !== 405 && status !== 404 : status === 405;
      expect(`${method} ${path} ${answer ? "as told" : status}`).toBe(`${method} ${path} as told`);
    }
  }
});

test("every endpoint that is not public asks for a token, as the document tells", async () => {
  for (const { path, method, operation } of operations()) {
    const url = `${here.replicas[0]!.url}${path.replaceAll(/\{\w+\}/g, "x")}`;
    const { status } = await fetch(url, { method });
    const open = operation["x-permission"] === "public";
    expect(`${operation.operationId} ${operation.security === undefined} ${status === 401}`).toBe(
      `${operation.operationId} ${open} ${!open}`,
    );
  }
});

test("every parameter of a path is declared, and every reference leads somewhere", () => {
  for (const { path, operation } of operations()) {
    const declared = operation.parameters.filter((parameter) => parameter.in === "path").map(({ name }) => name);
    expect(declared.toSorted()).toEqual([...path.matchAll(/\{(\w+)\}/g)].map((match) => match[1]).toSorted());
  }
  const references = [...JSON.stringify(document).matchAll(/"\$ref":"#([^"]*)"/g)].map((match) => match[1] ?? "");
  const lost = references.filter((pointer) => {
    const steps = pointer.split("/").slice(1);
    return steps.reduce<unknown>((node, step) => (node as Json | undefined)?.[step], document) === undefined;
  });
  expect(references.length).toBeGreaterThan(0);
  expect(lost).toEqual([]);
});
