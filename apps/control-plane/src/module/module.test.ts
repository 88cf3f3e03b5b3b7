import { createHash } from "node:crypto";
import { answering, bundleOf } from "@evenkeel/testkit/base-application";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { zipOf } from "../package/testing.ts";
import { type Installation, serverKinds, startInstallation } from "../testing.ts";

const digestOf = (bytes: Uint8Array): string => `sha256:${createHash("sha256").update(bytes).digest("hex")}`;

describe.each(await serverKinds())("uploaded modules on %s", (kind) => {
  let here: Installation;
  beforeAll(async () => {
    here = await startInstallation(kind);
  });
  afterAll(() => here.close());

  async function upload(bytes: Uint8Array, digest = digestOf(bytes)) {
    const response = await fetch(`${here.replicas[0]!.url}/api/v1/modules?digest=${digest}`, {
      method: "POST",
      headers: { authorization: `Bearer ${here.adminToken}`, "content-type": "application/octet-stream" },
      body: new Uint8Array(bytes),
    });
    return { status: response.status, body: (await response.json()) as Record<string, unknown> };
  }

  test("a bundle says itself what it is, comes once, and other content for its version is refused", async () => {
    const { bytes, object } = answering("prices", "1.0.0");
    const made = await upload(bytes);
    expect(made).toMatchObject({ status: 200, body: { name: "prices", version: "1.0.0", ...object, cacheNode: null } });
    expect((await upload(bytes)).body).toEqual(made.body);
    expect((await here.call("GET", `/modules/${String(made.body.id)}`)).body).toEqual(made.body);
    const other = bundleOf({ name: "prices", version: "1.0.0" }, "exports.activate = () => ({});");
    expect(await upload(other.bytes)).toMatchObject({ status: 409, body: { code: "MODULE_UPLOADED" } });
    await upload(answering("prices", "1.1.0").bytes);
    const { items } = (await here.call("GET", "/modules?name=prices")).body as unknown as {
      items: { version: string }[];
    };
    expect(items.map(({ version }) => version)).toEqual(["1.0.0", "1.1.0"]);
  });

  test("a jar of the SOFAArk family is a module by its manifest, as other tools have made it", async () => {
    const manifest =
      "Manifest-Version: 1.0\r\nArk-Biz-Name: stock\r\nArk-Biz-Version: 2.1.0-SNAPSHOT\r\nMain-Class: com.example.a.very.long.nam\r\n e.Stock\r\n\r\n";
    const jar = zipOf([
      { path: "META-INF/MANIFEST.MF", content: manifest },
      { path: "com/example/Stock.class", content: "bytes" },
    ]);
    expect(await upload(jar)).toMatchObject({ status: 200, body: { name: "stock", version: "2.1.0-SNAPSHOT" } });
    const named = zipOf([{ path: "META-INF/MANIFEST.MF", content: manifest.replace("stock", "Stock Of All") }]);
    expect(await upload(named)).toMatchObject({ status: 422, body: { code: "BUNDLE_INVALID" } });
  });

  const facts = (more: object) =>
    JSON.stringify({
      manifest: { name: "x", version: "1.0.0" },
      codeDigest: digestOf(Buffer.from("code")),
      cache: null,
      ...more,
    });

  test.each([
    ["is no zip", Buffer.from("bytes"), "BUNDLE_INVALID"],
    ["is empty", Buffer.alloc(0), "BUNDLE_INVALID"],
    ["says nothing of itself", zipOf([{ path: "index.js", content: "code" }]), "BUNDLE_INVALID"],
    ["has no code", zipOf([{ path: "module.json", content: facts({}) }]), "BUNDLE_INVALID"],
    [
      "speaks of other code",
      zipOf([
        { path: "module.json", content: facts({}) },
        { path: "index.js", content: "other" },
      ]),
      "BUNDLE_INVALID",
    ],
    [
      "is broken JSON",
      zipOf([
        { path: "module.json", content: "{" },
        { path: "index.js", content: "code" },
      ]),
      "BUNDLE_INVALID",
    ],
    [
      "has a version that is none",
      zipOf([
        { path: "module.json", content: facts({ manifest: { name: "x", version: "new" } }) },
        { path: "index.js", content: "code" },
      ]),
      "BUNDLE_INVALID",
    ],
  ])("a bundle that %s is refused, and nothing is kept of it", async (_, bytes, code) => {
    const answer = await upload(bytes);
    expect(answer).toMatchObject({ status: 422, body: { code } });
    expect((await here.call("GET", "/modules?name=x")).body.items).toEqual([]);
  });

  test("bytes that were exchanged on their way are refused", async () => {
    const { bytes } = answering("cart", "1.0.0");
    expect(await upload(bytes, digestOf(Buffer.from("others")))).toMatchObject({
      status: 422,
      body: { code: "BUNDLE_CORRUPT" },
    });
  });
});
