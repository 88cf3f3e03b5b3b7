import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { afterEach, expect, test } from "vitest";
import { bindGateway, freeAddresses, freePorts, wantedPort } from "./ports.ts";

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

async function occupy(host = "127.0.0.1", port = 0): Promise<number> {
  const server = createServer().listen(port, host);
  servers.push(server);
  await once(server, "listening");
  return (server.address() as { port: number }).port;
}

test("a default port that is taken gives the next free one; one that was set is PORT_TAKEN", async () => {
  const taken = await occupy();
  expect((await freePorts({ port: taken, set: false }, 1))[0]).toBeGreaterThan(taken);
  await expect(freePorts({ port: taken, set: true }, 1)).rejects.toMatchObject({
    code: "PORT_TAKEN",
    facts: { port: taken, holder: expect.stringContaining(`process ${process.pid}`) },
  });
});

test("replicas get consecutive ports beyond one that is taken in their midst", async () => {
  const taken = await occupy();
  const ports = await freePorts({ port: taken - 1, set: false }, 3);
  expect(ports).not.toContain(taken);
  expect(ports).toEqual([ports[0], (ports[0] ?? 0) + 1, (ports[0] ?? 0) + 2]);
});

test("the gateway avoids a taken default port and those of the control planes", async () => {
  const taken = await occupy();
  const held = await bindGateway({ port: taken, set: false }, [taken + 1]);
  expect(held.port).toBeGreaterThan(taken + 1);
  held.close();
  await expect(bindGateway({ port: taken, set: true }, [])).rejects.toMatchObject({ code: "PORT_TAKEN" });
});

test("a port that is set for one part cannot be another's: the replicas' range and the gateway's own", async () => {
  const first = await occupy();
  const wanted = { port: first + 1, set: true };
  await expect(freePorts(wanted, 3, first + 3)).rejects.toMatchObject({
    code: "PORT_TAKEN",
    facts: { port: first + 3, holder: expect.stringContaining("EVENKEEL_GATEWAY_PORT") },
  });
  expect(await freePorts({ ...wanted, set: false }, 1, first + 1)).not.toContain(first + 1);
  await expect(bindGateway(wanted, [first + 1])).rejects.toMatchObject({
    code: "PORT_TAKEN",
    facts: { holder: expect.stringContaining("EVENKEEL_PORT") },
  });
});

test("no port is tried beyond the last", async () => {
  await occupy("127.0.0.1", 65_535);
  for (const set of [true, false])
    await expect(freePorts({ port: 65_535, set }, 1)).rejects.toMatchObject({ code: "PORT_TAKEN" });
  await expect(freePorts({ port: 65_530, set: true }, 9)).rejects.toMatchObject({ code: "PORT_TAKEN" });
});

const NOBODY = 65_534;
const lowest = Number(readFileSync("/proc/sys/net/ipv4/ip_unprivileged_port_start", "utf8"));
const forbids =
  process.getuid?.() === 0 &&
  lowest > 1 &&
  spawnSync("test", ["-r", import.meta.filename], { uid: NOBODY, gid: NOBODY, stdio: "ignore" }).status === 0;
if (!forbids) console.log("skipped: only root can become another user, and only where low ports are kept for root");

test.skipIf(!forbids)("a port that this user may not open is refused as that, not as taken", () => {
  const script = `
    const { bindGateway, freePorts } = await import(${JSON.stringify(new URL("./ports.ts", import.meta.url).pathname)});
    const wanted = { port: 1, set: true };
    const code = (error) => error.code;
    console.log(await freePorts(wanted, 1).catch(code), await bindGateway(wanted, []).catch(code));
  `;
  const options = { uid: NOBODY, gid: NOBODY, cwd: import.meta.dirname, encoding: "utf8" } as const;
  const { stdout, stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", script], options);
  expect(stdout + stderr).toBe("PORT_FORBIDDEN PORT_FORBIDDEN\n");
});

test("a port that is no number is refused by the name of its variable", () => {
  for (const text of ["80a", "0", "-1", "65536"])
    expect(() => wantedPort(text, "EVENKEEL_PORT", 7700)).toThrow(/EVENKEEL_PORT/);
  expect(wantedPort(undefined, "EVENKEEL_PORT", 7700)).toEqual({ port: 7700, set: false });
});

test("addresses on which somebody listens, or that another installation's agent has, are left to them", async () => {
  const free = freeAddresses(["one", "two"]);
  const listened = free.one ?? "";
  await occupy(listened);
  const second = freeAddresses(["one", "two"]);
  expect(Object.values(second)).not.toContain(listened);
  const agent = spawn("sleep", ["1000"], {
    env: { ...process.env, EVENKEEL_AGENT_ADDRESS: second.two },
    stdio: "ignore",
  });
  await once(agent, "spawn");
  await expect.poll(() => Object.values(freeAddresses(["one", "two"]))).not.toContain(second.two);
  agent.kill("SIGKILL");
});
