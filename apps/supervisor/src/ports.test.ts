import { spawn } from "node:child_process";
import { once } from "node:events";
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

test("a port that is no number is refused by the name of its variable", () => {
  expect(() => wantedPort("80a", "EVENKEEL_PORT", 7700)).toThrow(/EVENKEEL_PORT/);
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
