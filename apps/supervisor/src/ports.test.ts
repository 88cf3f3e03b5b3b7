import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { createInterface } from "node:readline";
import { Claims } from "@evenkeel/kit/claim";
import { afterEach, expect, test } from "vitest";
import { bindGateway, freeAddresses, freePorts, wantedPort } from "./ports.ts";
import { REFUSED_PORTS } from "./refused-ports.ts";

const servers: Server[] = [];
let claims = new Claims();
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
  claims.releaseOthers(new Set());
  claims = new Claims();
});

async function occupy(host = "127.0.0.1", port = 0): Promise<number> {
  const server = createServer().listen(port, host);
  servers.push(server);
  await once(server, "listening");
  return (server.address() as { port: number }).port;
}

test("a default port that is taken gives the next free one; one that was set is PORT_TAKEN", async () => {
  const taken = await occupy();
  expect((await freePorts({ port: taken, set: false, count: 1 }, claims))[0]).toBeGreaterThan(taken);
  await expect(freePorts({ port: taken, set: true, count: 1 }, claims)).rejects.toMatchObject({
    code: "PORT_TAKEN",
    facts: { port: taken, holder: expect.stringContaining(`process ${process.pid}`) },
  });
});

test("replicas get consecutive ports beyond one that is taken in their midst", async () => {
  const taken = await occupy();
  const ports = await freePorts({ port: taken - 1, set: false, count: 3 }, claims);
  expect(ports).not.toContain(taken);
  expect(ports).toEqual([ports[0], (ports[0] ?? 0) + 1, (ports[0] ?? 0) + 2]);
});

test("the gateway avoids a taken default port and those of the control planes", async () => {
  const taken = await occupy();
  const held = await bindGateway({ port: taken, set: false }, [taken + 1], claims);
  expect(held.port).toBeGreaterThan(taken + 1);
  held.close();
  await expect(bindGateway({ port: taken, set: true }, [], claims)).rejects.toMatchObject({ code: "PORT_TAKEN" });
});

test("a port that is set for one part cannot be another's: the replicas' range and the gateway's own", async () => {
  // Below those that the kernel gives away.
  const [first = 0] = await freePorts({ port: 21_000, set: false, count: 4 }, claims);
  claims.releaseOthers(new Set());
  const wanted = { port: first + 1, set: true };
  await expect(freePorts({ ...wanted, count: 3, promised: first + 3 }, claims)).rejects.toMatchObject({
    code: "PORT_TAKEN",
    facts: { port: first + 3, holder: expect.stringContaining("EVENKEEL_GATEWAY_PORT") },
  });
  expect(await freePorts({ ...wanted, set: false, count: 1, promised: first + 1 }, claims)).not.toContain(first + 1);
  await expect(bindGateway(wanted, [first + 1], claims)).rejects.toMatchObject({
    code: "PORT_TAKEN",
    facts: { holder: expect.stringContaining("EVENKEEL_PORT") },
  });
});

test("no port is tried beyond the last", async () => {
  await occupy("127.0.0.1", 65_535);
  for (const set of [true, false])
    await expect(freePorts({ port: 65_535, set, count: 1 }, claims)).rejects.toMatchObject({ code: "PORT_TAKEN" });
  await expect(freePorts({ port: 65_530, set: true, count: 9 }, claims)).rejects.toMatchObject({ code: "PORT_TAKEN" });
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
    const { Claims } = await import("@evenkeel/kit/claim");
    const wanted = { port: 1, set: true, count: 1 };
    const code = (error) => error.code;
    const claims = new Claims();
    console.log(await freePorts(wanted, claims).catch(code), await bindGateway(wanted, [], claims).catch(code));
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

test("a port that HTTP clients refuse to open is refused: exactly those that fetch refuses here", async () => {
  expect(() => wantedPort("22", "EVENKEEL_PORT", 7700)).toThrow(/EVENKEEL_PORT is 22/);
  const dispatch = (): never => {
    throw new Error("nothing is opened");
  };
  const refused: number[] = [];
  for (let port = 1; port < 65_536; port += 1) {
    const init = { dispatcher: { dispatch } } as unknown as RequestInit;
    const error = await fetch(`http://127.0.0.1:${port}`, init).catch((reason: Error) => reason);
    if (String((error as Error).cause).includes("bad port")) refused.push(port);
  }
  expect(refused).toEqual([...REFUSED_PORTS]);
});

const NAMES = ["one", "two"];

test("addresses on which somebody listens, or that another installation's agent has, are left to them", async () => {
  const free = await freeAddresses(NAMES, claims);
  claims.releaseOthers(new Set());
  const listened = free.one ?? "";
  await occupy(listened);
  const second = await freeAddresses(NAMES, claims);
  expect(Object.values(second)).not.toContain(listened);
  const agent = spawn("sleep", ["1000"], {
    env: { ...process.env, EVENKEEL_AGENT_ADDRESS: second.two },
    stdio: "ignore",
  });
  await once(agent, "spawn");
  claims.releaseOthers(new Set());
  const chosen = async (): Promise<string[]> => {
    const addresses = Object.values(await freeAddresses(NAMES, claims));
    claims.releaseOthers(new Set());
    return addresses;
  };
  await expect.poll(chosen).not.toContain(second.two);
  agent.kill("SIGKILL");
});

/** A supervisor that is about to start: it tells what it has chosen and stays until it is ended. */
const CHOOSE = `
  const { bindGateway, freeAddresses, freePorts } = await import(${JSON.stringify(new URL("./ports.ts", import.meta.url).pathname)});
  const { Claims } = await import("@evenkeel/kit/claim");
  const claims = new Claims();
  process.stdout.write("ready\\n");
  await new Promise((resolve) => process.stdin.once("data", resolve));
  const ports = await freePorts({ port: 17_700, set: false, count: 2 }, claims);
  const gateway = await bindGateway({ port: 17_700, set: false }, ports, claims);
  const addresses = await freeAddresses(["one", "two"], claims);
  console.log(JSON.stringify({ ports: [...ports, gateway.port], addresses: Object.values(addresses) }));
`;

test("eight that choose in the same instant choose eight different blocks of ports and of addresses; one that is killed keeps nothing", async () => {
  const starters = Array.from({ length: 8 }, () => {
    const child = spawn(process.execPath, ["--input-type=module", "-e", CHOOSE], {
      cwd: import.meta.dirname,
      stdio: ["pipe", "pipe", "inherit"],
    });
    return { child, lines: createInterface(child.stdout)[Symbol.asyncIterator]() };
  });
  let first = 0;
  try {
    for (const { lines } of starters) expect((await lines.next()).value).toBe("ready");
    for (const { child } of starters) child.stdin.write("go\n");
    const chosen: { ports: number[]; addresses: string[] }[] = [];
    for (const { lines } of starters) chosen.push(JSON.parse((await lines.next()).value ?? "null"));
    expect(new Set(chosen.flatMap(({ ports }) => ports)).size).toBe(8 * 3);
    expect(new Set(chosen.flatMap(({ addresses }) => addresses)).size).toBe(8 * 2);
    first = chosen[0]?.ports[0] ?? 0;
    await expect(freePorts({ port: first, set: true, count: 1 }, claims)).rejects.toMatchObject({
      code: "PORT_TAKEN",
      facts: { holder: "a process that is about to listen" },
    });
  } finally {
    for (const { child } of starters) {
      child.kill("SIGKILL");
      await once(child, "exit");
    }
  }
  expect(await freePorts({ port: first, set: true, count: 1 }, claims)).toEqual([first]);
});
