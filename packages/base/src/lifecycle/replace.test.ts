import { startLoad } from "@evenkeel/load/load";
import { expect, test } from "vitest";
import { answering, BaseBed } from "../testing.ts";

const REPLACEMENTS = 150;

// Answers after a moment, so that every replacement meets requests in hand.
const text = (round: number): string => `exports.activate = () => ({ routes: (request, response) => {
  response.setHeader("x-version", "1.0.${round}");
  if (request.method === "POST") return request.pipe(response);
  setTimeout(() => response.end(JSON.stringify({ version: "1.0.${round}" })), 3);
} });`;

test("replacements under load lose no request: kept and new connections, with and without a body", async () => {
  await using bed = await BaseBed.open();
  const install = async (round: number): Promise<void> => {
    const manifest = { name: "busy", version: `1.0.${round}`, provides: { routes: [{ path: "/" }] } };
    expect((await bed.install(manifest, text(round))).replaced.length).toBe(round === 0 ? 0 : 1);
  };
  await install(0);
  const load = startLoad({ url: `http://127.0.0.1:${bed.port}/`, rate: 100, timeoutMs: 60_000 });
  // Each is told apart by the answers of the one before, so the load is really there.
  for (let round = 1; round <= REPLACEMENTS; round += 1) {
    await install(round);
    expect((await bed.get("/")).body).toContain(`"1.0.${round}"`);
  }
  const { sent, failed, failures, byVersion } = await load.stop();
  expect(failures).toEqual([]);
  expect(failed).toBe(0);
  expect(sent).toBeGreaterThan(20);
  expect(Object.keys(byVersion).length).toBeGreaterThan(5);
}, 300_000);

test("what is installed and published already is left so when it is installed again, as by a second attempt", async () => {
  await using bed = await BaseBed.open();
  const shop = { name: "shop", version: "2.0.0", provides: { routes: [{ path: "/shop" }] } };
  await bed.install({ ...shop, version: "1.0.0" }, answering("old"));
  for (const already of [false, true]) {
    const again = await bed.install(shop, answering("new"), { publish: null });
    expect(again).toMatchObject({ already, module: { published: true } });
    expect((await bed.get("/shop")).body).toBe("new");
  }
});
