import { Client } from "pg";
import { describe, expect, test } from "vitest";
import { serverKinds, testDatabase } from "./database.ts";

describe.each(await serverKinds())("a test database on %s", (kind) => {
  test("is empty, its own, and gone after close", async () => {
    const first = await testDatabase(kind);
    const second = await testDatabase(kind);
    const client = new Client(first.url);
    await client.connect();
    await client.query("create table thing (name text)");
    const other = new Client(second.url);
    await other.connect();
    expect((await other.query("select to_regclass('thing') as found")).rows).toEqual([{ found: null }]);
    await client.end();
    await other.end();
    await first.close();
    await second.close();
    await expect(new Client(first.url).connect()).rejects.toMatchObject({ code: "3D000" });
  });
});
