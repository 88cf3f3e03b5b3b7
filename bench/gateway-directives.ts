import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Bench, type Benchmark, median, table } from "./benchmark.ts";
import { type Child, freePort, output, startChild } from "./child.ts";
import { backendServer, HEADERS, ownGateway, rawHaproxy } from "./gateway-lanes.ts";
import { bring, findLoadTool, type LoadTool } from "./http-load.ts";

const CONNECTIONS = 50;
const WHOLE = "all of it";
const RAW = "by hand";

interface Lane extends Child {
  /** The line that it lacks. */
  readonly name: string;
  readonly cpuMicroseconds: number[];
  readonly requestsPerSecond: number[];
}

export const benchmark: Benchmark = {
  title:
    "what each directive of the rendered HAProxy costs a request: its processor time with all, and with all but one",
  options: { rounds: 3, seconds: 2 },
  run: async (bench) => {
    const { say, defer, option } = bench;
    const folder = await mkdtemp(join(tmpdir(), "evenkeel-bench-"));
    defer(() => rm(folder, { recursive: true, force: true }));
    if (!(await bring("haproxy", say))) throw new Error("HAProxy is not installed: apt-get install haproxy");
    const tool = await findLoadTool(say);
    const lanes = await startLanes(folder, bench);
    for (let round = 0; round < option("rounds"); round += 1)
      for (const lane of lanes) await measure(lane, { tool, seconds: option("seconds") });
    return report(lanes, say);
  },
};

async function startLanes(folder: string, { defer, say }: Bench): Promise<Lane[]> {
  const backend = await freePort();
  const lanes: Lane[] = [];
  const keep = (name: string, child: Child): void => {
    defer(() => child.stop());
    lanes.push({ name, ...child, cpuMicroseconds: [], requestsPerSecond: [] });
  };
  const application = await startChild(backendServer(backend));
  defer(() => application.stop());
  const rendered = join(folder, "haproxy-1", "haproxy");
  const gateway = await startChild(await ownGateway(folder, { driver: "haproxy", rules: 1, backend }));
  // Its socket takes connections before HAProxy serves them.
  await fetch(`http://127.0.0.1:${gateway.port}/`);
  await gateway.stop();
  keep(RAW, await startChild(await rawHaproxy(folder, backend)));
  const whole = await readFile(join(rendered, "haproxy.cfg"), "utf8");
  for (const [index, [name, text]] of [[WHOLE, whole] as const, ...withoutOne(whole)].entries()) {
    const home = join(folder, `without-${index}`);
    await cp(rendered, home, { recursive: true, filter: (path) => !path.endsWith(".sock") });
    const port = await freePort();
    await writeFile(join(home, "haproxy.cfg"), text.replace("bind fd@3", `bind 127.0.0.1:${port}`));
    const args = ["-C", home, "-f", "haproxy.cfg"];
    const { code } = await output("/usr/sbin/haproxy", ["-c", ...args]);
    if (code === 0) keep(name, await startChild({ command: "/usr/sbin/haproxy", args: ["-db", ...args], port }));
    else say(`nothing goes without: ${name}`);
  }
  return lanes;
}

/** The configuration without one of the lines that a request of this service meets, for each of them. */
function withoutOne(whole: string): [line: string, text: string][] {
  const lines = whole.split("\n");
  let section = "";
  return lines.flatMap((line, index) => {
    if (!line.startsWith(" ")) section = line;
    const isMet = /^(defaults|frontend edge|backend \S+\.all\.kept)$/.test(section) && line.startsWith("  ");
    if (!isMet || /^ {2}(acl|bind|server|mode|timeout|http-error|log-format) ?/.test(line)) return [];
    return [[line.trim(), lines.toSpliced(index, 1).join("\n")]];
  });
}

async function measure(lane: Lane, { tool, seconds }: { tool: LoadTool; seconds: number }): Promise<void> {
  const url = `http://127.0.0.1:${lane.port}/orders/17?full=1`;
  const before = lane.cpuMs();
  const result = await tool.run({ url, connections: CONNECTIONS, seconds, headers: HEADERS });
  if (result.failed > 0) throw new Error(`${result.failed} requests failed without: ${lane.name}`);
  lane.cpuMicroseconds.push(((lane.cpuMs() - before) * 1000) / result.requests);
  lane.requestsPerSecond.push(result.requestsPerSecond);
}

const MOST_CHARACTERS = 90;

function report(lanes: readonly Lane[], say: (line: string) => void) {
  const figures = lanes.map(({ name, cpuMicroseconds, requestsPerSecond }) => ({
    name,
    cpuMicroseconds: median(cpuMicroseconds),
    requestsPerSecond: median(requestsPerSecond),
  }));
  const of = (wanted: string) => figures.find(({ name }) => name === wanted)?.cpuMicroseconds ?? Number.NaN;
  const costs = figures.map((each) => ({ ...each, costs: of(WHOLE) - each.cpuMicroseconds }));
  const rows = costs
    .toSorted((one, other) => other.costs - one.costs)
    .map(({ name, cpuMicroseconds, requestsPerSecond, costs: cost }) => [
      name.slice(0, MOST_CHARACTERS),
      cpuMicroseconds.toFixed(2),
      cost.toFixed(2),
      requestsPerSecond.toFixed(0),
    ]);
  for (const line of table([["without", "cpu µs/request", "it costs", "requests/s"], ...rows])) say(line);
  return { directives: costs };
}
