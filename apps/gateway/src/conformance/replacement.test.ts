import { Agent, createServer, request, type Server } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import type { TableRule } from "@evenkeel/contracts/route-table";
import { describe, expect } from "vitest";
import { Bed, DRIVERS, type Spec, until } from "./bed.ts";
import { conforming, printTable } from "./table.ts";

interface Load {
  readonly failures: string[];
  sent: number;
  over: boolean;
}

/** Sends GET and POST in turn, one after another, and notes every answer that is not what was asked for. */
async function sendUntilOver(load: Load, port: number, agent: Agent | false): Promise<void> {
  while (!load.over) {
    load.sent += 1;
    const body = load.sent % 2 === 0 ? `body ${load.sent}` : "";
    const answer = await sendOnce(port, { body, agent }).catch(String);
    if (answer !== (body || "hello")) load.failures.push(answer);
    await sleep(2);
  }
}

function sendOnce(port: number, { body, agent }: { body: string; agent: Agent | false }): Promise<string> {
  return new Promise((resolve, reject) => {
    const call = request({ host: "127.0.0.1", port, method: body === "" ? "GET" : "POST", agent }, (response) => {
      let text = "";
      response.on("data", (chunk) => {
        text += chunk;
      });
      response.on("end", () => resolve(response.statusCode === 200 ? text : `${response.statusCode} ${text}`));
      response.on("error", reject);
    });
    call.on("error", reject);
    call.end(body);
  });
}

async function application(bed: Bed): Promise<{ server: Server; port: number }> {
  const server = createServer((req, res) => {
    if (req.method === "POST") req.pipe(res);
    else res.end("hello");
  });
  return { server, port: await bed.applicationServer(server) };
}

/** A rule for every request: where there is one, somebody has to decide. */
const EVERYBODY: TableRule = {
  ...{ name: "everybody", conditions: [], mirror: null, fault: null, rateLimit: null, concurrency: null },
  send: { salt: "s", key: [], next: false, ways: [{ basisPoints: 10_000, lane: null, chain: ["all"], cells: [] }] },
};

printTable("replacement");

describe.each(DRIVERS)("%s", (driver) => {
  const check = conforming(driver);
  check("no request is lost while instances are replaced again and again under load", async () => {
    const bed = new Bed(driver);
    await bed.open();
    const kept = new Agent({ keepAlive: true });
    const load: Load = { failures: [], sent: 0, over: false };
    let current = await application(bed);
    await bed.apply([{ port: current.port }]);
    const clients = Array.from({ length: 12 }, (_, index) => sendUntilOver(load, bed.port, index % 2 === 0 && kept));
    for (let replacement = 0; replacement < 40; replacement += 1) {
      const next = await application(bed);
      await bed.apply([{ port: current.port, draining: true }, { port: next.port }]);
      await until(() => bed.plane.draining()[0]?.inFlight === 0);
      // As a process that ends: at once, with every connection that is left.
      current.server.closeAllConnections();
      current.server.close();
      await bed.apply([{ port: next.port }]);
      current = next;
      await sleep(20);
    }
    load.over = true;
    await Promise.all(clients);
    kept.destroy();
    await bed.close();
    expect(load.failures).toEqual([]);
    expect(load.sent).toBeGreaterThan(200);
  });

  check("no request is lost while the whole share goes from one instance to the other and back", async () => {
    const bed = new Bed(driver);
    await bed.open();
    const kept = new Agent({ keepAlive: true });
    const load: Load = { failures: [], sent: 0, over: false };
    const ports = [(await application(bed)).port, (await application(bed)).port];
    const shares = (first: number) => ports.map((port, index) => ({ port, weight: index === 0 ? first : 100 - first }));
    await bed.apply(shares(100));
    const clients = Array.from({ length: 12 }, (_, index) => sendUntilOver(load, bed.port, index % 2 === 0 && kept));
    for (let change = 1; change <= 100; change += 1) await bed.apply(shares(change % 2 === 0 ? 100 : 0));
    await until(() => load.sent > 500);
    load.over = true;
    await Promise.all(clients);
    kept.destroy();
    await bed.close();
    expect(load.failures).toEqual([]);
  });

  check("no request is lost while rules come and go, and instances are replaced meanwhile", async () => {
    const bed = new Bed(driver);
    await bed.open();
    const kept = new Agent({ keepAlive: true });
    const load: Load = { failures: [], sent: 0, over: false };
    const put = async (specs: readonly Spec[], withRule: boolean) => {
      const table = bed.table(specs);
      const services = table.services.map((service) => ({ ...service, rules: withRule ? [EVERYBODY] : [] }));
      await bed.plane.apply({ ...table, services });
    };
    let current = await application(bed);
    await put([{ port: current.port }], false);
    const clients = Array.from({ length: 12 }, (_, index) => sendUntilOver(load, bed.port, index % 2 === 0 && kept));
    for (let round = 0; round < 12; round += 1) {
      const next = await application(bed);
      await put([{ port: current.port }], round % 2 === 0);
      await put([{ port: current.port, draining: true }, { port: next.port }], round % 3 === 0);
      await until(() => bed.plane.draining()[0]?.inFlight === 0);
      current.server.closeAllConnections();
      current.server.close();
      await put([{ port: next.port }], round % 3 === 0);
      current = next;
      // Both ways have carried something before the next turn.
      const sent = load.sent;
      await until(() => load.sent > sent + 20);
    }
    load.over = true;
    await Promise.all(clients);
    kept.destroy();
    await bed.close();
    expect(load.failures).toEqual([]);
  });
});
