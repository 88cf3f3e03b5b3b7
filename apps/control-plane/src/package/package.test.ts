import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdir, readdir, utimes } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { promisify } from "node:util";
import { gzipSync } from "node:zlib";
import type { Digest } from "@evenkeel/contracts/id";
import { PACKAGE_LIMIT_BYTES, UPLOAD_PIECE_BYTES } from "@evenkeel/contracts/package";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Answer, type Installation, serverKinds, startInstallation } from "../testing.ts";
import { collectObjects, collectUploads } from "./collect.ts";
import { digestOf, goodPackage, tarOf } from "./testing.ts";

const run = promisify(execFile);
const problem = (code: string) => ({ code, type: `urn:evenkeel:error:${code}` });

interface Sending {
  readonly offset?: number;
  readonly bytes: Buffer;
  readonly replica?: number;
}

describe.each(await serverKinds())("packages on %s", (kind) => {
  let here: Installation;
  beforeAll(async () => {
    here = await startInstallation(kind);
    await here.addReplica();
    await here.call("POST", "/applications", { body: { name: "shop" } });
  });
  afterAll(async () => {
    await here.close();
  });

  const begin = (version: string, bits: Buffer, fields: object = {}): Promise<Answer> =>
    here.call("POST", "/uploads", {
      body: { application: "shop", version, digest: digestOf(bits), sizeBytes: bits.length, ...fields },
    });

  const send = async (uploadId: unknown, { offset = 0, bytes, replica = 0 }: Sending): Promise<Answer> => {
    const response = await fetch(`${here.replicas[replica]!.url}/api/v1/uploads/${uploadId}?offset=${offset}`, {
      method: "PATCH",
      headers: { authorization: `Bearer ${here.adminToken}`, "content-type": "application/octet-stream" },
      body: new Uint8Array(bytes),
    });
    return { status: response.status, headers: response.headers, body: JSON.parse(await response.text()) };
  };

  const drafts = () => readdir(join(here.folder, "objects", "drafts"));

  async function upload(version: string, bits: Buffer, pieceBytes = bits.length): Promise<Answer> {
    let answer = await begin(version, bits);
    for (let index = 0; answer.status === 200 && answer.body.package === (null as never); index += 1) {
      const offset = Number(answer.body.offset);
      answer = await send(answer.body.id, {
        offset,
        bytes: bits.subarray(offset, offset + pieceBytes),
        replica: index % 2,
      });
    }
    return answer;
  }

  /** Random bytes do not compress, so the archive is as large as they are. */
  const largePackage = (sizeBytes: number): Buffer => goodPackage(randomBytes(sizeBytes / 2).toString("hex"));

  test("bits become a package once the last piece arrived, whichever replica took the pieces", async () => {
    const bits = largePackage(2_000_000);
    const answer = await upload("1.0.0", bits, 300_000);
    expect(answer).toMatchObject({
      status: 200,
      body: {
        offset: bits.length,
        package: { application: "shop", version: "1.0.0", digest: digestOf(bits), entries: 3, uploadedBy: "admin" },
      },
    });
    const { body } = await here.call("GET", "/packages?application=shop&version=1.0.0");
    expect(body.items).toEqual([answer.body.package]);
    expect(await drafts()).toEqual([]);
    const audit = await here.call("GET", "/audit?limit=1");
    expect(audit.body.items).toMatchObject([
      { action: "package:create", outcome: "done", details: { version: "1.0.0" } },
    ]);
  });

  test("an upload goes on where it stood after a cut, also from another sender", async () => {
    const bits = largePackage(500_000);
    const first = await begin("1.1.0", bits);
    await send(first.body.id, { bytes: bits.subarray(0, 100_000) });
    const again = await begin("1.1.0", bits);
    expect(again.body).toMatchObject({ id: first.body.id, offset: 100_000, package: null });
    expect(await send(first.body.id, { bytes: bits.subarray(0, 100_000) })).toMatchObject({
      status: 409,
      body: { code: "UPLOAD_OFFSET_WRONG", facts: { offset: 100_000 } },
    });
    expect(await here.call("GET", `/uploads/${first.body.id}`)).toMatchObject({
      status: 200,
      body: { offset: 100_000 },
    });
    expect(
      (await send(first.body.id, { offset: 100_000, bytes: bits.subarray(100_000), replica: 1 })).body.package,
    ).toMatchObject({
      version: "1.1.0",
    });
    expect((await here.call("GET", `/uploads/${first.body.id}`)).body.package).toMatchObject({ version: "1.1.0" });
  });

  test("two who send the same bits at once end with the same package", async () => {
    const bits = largePackage(400_000);
    const [one, two] = await Promise.all([uploadPatiently("1.2.0", bits, 0), uploadPatiently("1.2.0", bits, 1)]);
    expect(one).toEqual(two);
    expect((await here.call("GET", "/packages?version=1.2.0")).body.items).toHaveLength(1);
  });

  async function uploadPatiently(version: string, bits: Buffer, replica: number): Promise<unknown> {
    for (;;) {
      const stand = await begin(version, bits);
      if (stand.body.package !== (null as never)) return stand.body.package;
      const offset = Number(stand.body.offset);
      const answer = await send(stand.body.id, { offset, bytes: bits.subarray(offset, offset + 50_000), replica });
      if (answer.status !== 200) expect(answer.body).toMatchObject({ code: "UPLOAD_OFFSET_WRONG" });
    }
  }

  test("the same version with the same bits is the same package; with other bits it is refused", async () => {
    const bits = goodPackage("first");
    const first = await upload("2.0.0", bits);
    expect((await begin("2.0.0", bits)).body.package).toEqual(first.body.package);
    expect(await begin("2.0.0", goodPackage("other"))).toMatchObject({
      status: 409,
      body: { code: "PACKAGE_VERSION_TAKEN", facts: { digest: digestOf(bits) } },
    });
  });

  test("of two uploads of one version with different bits the first that is whole wins", async () => {
    const [one, two] = [goodPackage("one"), goodPackage("two")];
    const [first, second] = [await begin("2.1.0", one), await begin("2.1.0", two)];
    expect((await send(second.body.id, { bytes: two })).body.package).toMatchObject({ digest: digestOf(two) });
    expect(await send(first.body.id, { bytes: one })).toMatchObject({
      status: 409,
      body: problem("PACKAGE_VERSION_TAKEN"),
    });
  });

  test("bits that the tenant has already need not be sent again for another version", async () => {
    const bits = goodPackage("sent once");
    await upload("3.0.0", bits);
    expect((await begin("3.0.1", bits)).body.package).toMatchObject({
      version: "3.0.1",
      digest: digestOf(bits),
      entries: 3,
    });
  });

  test("bits with another digest are refused and gone, and the next attempt begins anew", async () => {
    const bits = goodPackage("digest");
    const other = Buffer.from(bits).fill(0, 20, 21);
    const { body } = await begin("4.0.0", bits);
    expect(await send(body.id, { bytes: other })).toMatchObject({
      status: 422,
      body: { code: "PACKAGE_DIGEST_MISMATCH", facts: { expected: digestOf(bits), actual: digestOf(other) } },
    });
    expect(await begin("4.0.0", bits)).toMatchObject({ status: 200, body: { offset: 0 } });
    expect((await here.call("GET", "/packages?version=4.0.0")).body.items).toEqual([]);
  });

  test.each([
    ["an archive with a path that leaves", gzipSync(tarOf([{ path: "../evil" }])), "PACKAGE_UNSAFE"],
    ["something that is no archive", Buffer.from("nothing to unpack here"), "PACKAGE_UNREADABLE"],
  ])("%s does not become a package and leaves nothing behind", async (_, bits, code) => {
    expect(await upload("5.0.0", bits)).toMatchObject({ status: 422, body: problem(code) });
    expect((await here.call("GET", "/packages?version=5.0.0")).body.items).toEqual([]);
    expect(await drafts()).toEqual(expect.not.arrayContaining([expect.stringMatching(/piece/)]));
    const objects = await here.replicas[0]!.ground.objects.size(digestOf(bits) as never);
    expect(objects).toBeNull();
  });

  test("a piece over its limit, beyond the end, or of an unknown upload is refused", async () => {
    const bits = goodPackage("limits");
    const { body } = await begin("6.0.0", bits);
    expect(await send(body.id, { bytes: Buffer.alloc(bits.length + 1) })).toMatchObject({
      status: 413,
      body: problem("BODY_TOO_LARGE"),
    });
    const large = await begin("6.0.1", bits, { digest: digestOf(Buffer.from("large")), sizeBytes: 100_000_000 });
    expect(await send(large.body.id, { bytes: Buffer.alloc(UPLOAD_PIECE_BYTES + 1) })).toMatchObject({
      status: 413,
      body: problem("BODY_TOO_LARGE"),
    });
    expect(await send("upl_00000000000000000000", { bytes: bits })).toMatchObject({
      status: 404,
      body: problem("NOT_FOUND"),
    });
    expect(await begin("6.0.2", bits, { sizeBytes: PACKAGE_LIMIT_BYTES + 1 })).toMatchObject({ status: 400 });
    expect(await begin("6.0.2", bits, { application: "nobody" })).toMatchObject({
      status: 404,
      body: problem("NOT_FOUND"),
    });
    expect(await begin("6.0.2", bits, { digest: "sha256:short" })).toMatchObject({
      status: 400,
      body: problem("INPUT_INVALID"),
    });
  });

  test("a process killed between the last byte and the package has lost nothing: the next begin ends it", async () => {
    const bits = goodPackage("killed");
    const { body } = await begin("7.0.0", bits);
    const { ground } = here.replicas[0]!;
    await send(body.id, { bytes: bits.subarray(0, 10) });
    // What a kill after the last append leaves: all bytes, and a row that says so.
    const piece = await ground.objects.receive(Readable.from([bits.subarray(10)]), {
      limitBytes: bits.length,
    });
    await ground.objects.append(String(body.id), 10, piece);
    await piece.drop();
    await ground.db
      .updateTable("upload")
      .set({ received_bytes: bits.length })
      .where("id", "=", String(body.id) as never)
      .execute();
    expect((await begin("7.0.0", bits)).body.package).toMatchObject({ version: "7.0.0", digest: digestOf(bits) });
  });

  test("an upload that nobody continued for a day is collected, with its bytes and with pieces of killed requests", async () => {
    const bits = goodPackage("abandoned");
    const { body } = await begin("8.0.0", bits);
    await send(body.id, { bytes: bits.subarray(0, 10) });
    const { ground } = here.replicas[0]!;
    await collectUploads(ground);
    expect(await drafts()).toContain(body.id);
    const old = new Date(Date.now() - 90_000_000);
    await utimes(ground.objects.draftFile(String(body.id)), old, old);
    await ground.db
      .updateTable("upload")
      .set({ touched_at: old.toISOString() })
      .where("id", "=", String(body.id) as never)
      .execute();
    await collectUploads(ground);
    expect(await drafts()).not.toContain(body.id);
    expect(await here.call("GET", `/uploads/${body.id}`)).toMatchObject({ status: 404 });
  });

  test("an object that nothing names is taken away after a day; one that a package, a buildpack or an upload names stays", async () => {
    const { ground } = here.replicas[0]!;
    const kept = goodPackage("kept for ever");
    await upload("8.1.0", kept);
    const refused = goodPackage("lost the race for its version");
    const stored = await ground.objects.put(refused);
    const underWay = await ground.objects.put(goodPackage("comes again"));
    await begin("8.2.0", goodPackage("comes again"));
    const { body } = await here.call("GET", "/buildpacks");
    const [buildpack] = body.items as unknown as { digest: Digest }[];
    await collectObjects(ground);
    expect(await ground.objects.size(stored.digest)).toBe(refused.length);
    await collectObjects(ground, -1000);
    expect(await ground.objects.size(stored.digest)).toBe(null);
    expect(await ground.objects.size(underWay.digest)).toBe(underWay.sizeBytes);
    expect(await ground.objects.size(digestOf(kept) as Digest)).toBe(kept.length);
    expect(await ground.objects.size(buildpack!.digest)).toBeGreaterThan(0);
  });

  test("an agent gets an object whole or by range, and nobody gets one by an access token", async () => {
    const bits = goodPackage("for agents");
    await upload("9.0.0", bits);
    const credential = await joinHost(here, "fetching");
    const url = `${here.replicas[1]!.url}/api/v1/objects/${digestOf(bits)}`;
    const get = async (headers: Record<string, string>) =>
      await fetch(url, { headers: { authorization: `Bearer ${credential}`, ...headers } });
    const whole = await get({});
    expect(whole.headers.get("content-length")).toBe(String(bits.length));
    expect(Buffer.from(await whole.arrayBuffer()).equals(bits)).toBe(true);
    const rest = await get({ range: "bytes=50-" });
    expect(rest.status).toBe(206);
    expect(rest.headers.get("content-range")).toBe(`bytes 50-${bits.length - 1}/${bits.length}`);
    expect(Buffer.from(await rest.arrayBuffer()).equals(bits.subarray(50))).toBe(true);
    expect((await get({ range: `bytes=${bits.length}-` })).status).toBe(416);
    const audit = await here.call("GET", "/audit?limit=1");
    expect(audit.body.items).toMatchObject([{ principal: "host fetching", action: "host:join", outcome: "done" }]);
    expect(await here.call("GET", `/objects/${digestOf(bits)}`)).toMatchObject({
      status: 403,
      body: problem("HOST_CREDENTIAL_NEEDED"),
    });
    expect(await here.call("GET", `/objects/${digestOf(bits)}`, { token: "unknown" })).toMatchObject({
      status: 401,
      body: problem("TOKEN_UNKNOWN"),
    });
  });

  test("the built-in buildpacks are there, and agents get their files by digest", async () => {
    const { body } = await here.call("GET", "/buildpacks");
    const items = body.items as unknown as { name: string; digest: string }[];
    expect(items.map(({ name }) => name).toSorted()).toEqual(["node", "process"]);
    const credential = await joinHost(here, "building");
    for (const { name, digest } of items) {
      const reply = await here.call("GET", `/objects/${digest}`, { token: credential });
      expect(reply.body.definition).toMatchObject({ name });
    }
  });
});

async function joinHost(here: Installation, name: string): Promise<string> {
  await here.call("POST", "/workspaces", { body: { name: "local", zones: ["a"] } });
  const { body } = await here.call("POST", "/join-tokens", { body: { workspace: "local", zone: "a" } });
  const joined = await here.call("POST", "/hosts/join", {
    token: null,
    body: { token: body.token, name, address: "127.0.0.1", journalId: `jrn_${"0".repeat(20)}`, bootId: "boot" },
  });
  expect(joined.status).toBe(201);
  return String(joined.body.credential);
}

// A small file system of its own needs root.
describe.skipIf(process.getuid?.() !== 0)("the disk of the objects", () => {
  test("when it is full, the piece is refused as such, and the upload goes on when there is room", async () => {
    const here = await startInstallation();
    const folder = join(here.folder, "objects", "drafts");
    await mkdir(folder, { recursive: true });
    await run("mount", ["-t", "tmpfs", "-o", "size=256k", "tmpfs", folder]);
    try {
      await here.call("POST", "/applications", { body: { name: "shop" } });
      const bits = goodPackage(randomBytes(300_000).toString("hex"));
      const begun = await here.call("POST", "/uploads", {
        body: { application: "shop", version: "1", digest: digestOf(bits), sizeBytes: bits.length },
      });
      const send = (offset: number, end: number) =>
        fetch(`${here.replicas[0]!.url}/api/v1/uploads/${begun.body.id}?offset=${offset}`, {
          method: "PATCH",
          headers: { authorization: `Bearer ${here.adminToken}`, "content-type": "application/octet-stream" },
          body: new Uint8Array(bits.subarray(offset, end)),
        });
      const full = await send(0, bits.length);
      expect(await full.json()).toMatchObject({ code: "FILE_DISK_FULL", status: 507 });
      expect(await readdir(folder)).toEqual([]);
      expect((await send(0, 50_000)).status).toBe(200);
      await run("mount", ["-o", "remount,size=8m", folder]);
      // Links do not cross file systems, so here the last step is not asked for.
      expect((await send(50_000, bits.length - 1)).status).toBe(200);
    } finally {
      await run("umount", ["-l", folder]);
      await here.close();
    }
  });
});
