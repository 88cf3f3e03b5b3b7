import { randomBytes } from "node:crypto";
import { copyFile, mkdir, mkdtemp, rm } from "node:fs/promises";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { packFolder } from "@evenkeel/client/node/pack";
import type { Change, StepView, TargetView } from "@evenkeel/contracts/change";
import { Shop, type ShopVersion } from "@evenkeel/testkit/shop";
import { type Benchmark, median, table } from "./benchmark.ts";
import { type Child, freePort, output, startChild } from "./child.ts";
import { ownPlatform } from "./own-platform.ts";

const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 3);
const PACKAGE_BYTES = 20_000_000;
const BATCHES = [1, 1, 2];
const HEALTH_POLL_MS = 200;

type Phases = Record<"pack and upload" | "plan" | "stage on all hosts" | "batches" | "release", number>;

export const benchmark: Benchmark = {
  title:
    "a 20 MB package onto 4 local hosts in 3 batches, against plain copy, unpacking and process start in the same batches",
  run: async (bench) => {
    const { say } = bench;
    const platform = await ownPlatform(bench);
    const shop = new Shop(platform);
    await shop.release(versionOf(0));
    const rounds: Phases[] = [];
    const plain: number[] = [];
    for (let round = 1; round <= ROUNDS; round += 1) {
      rounds.push(await release(shop, versionOf(round)));
      plain.push(await plainRelease(shop.write(versionOf(round))));
    }
    return report({ rounds, plain, say });
  },
};

/** Random bytes as text do not compress to less than what they hold. */
function versionOf(round: number): ShopVersion {
  return {
    version: `${round + 1}.0.0`,
    files: { "bits.txt": randomBytes(PACKAGE_BYTES).toString("base64") },
    // As little waiting as the platform allows: the plain way waits for nothing either.
    strategy: { batches: { count: BATCHES.length }, minimumHealthySeconds: 0 },
    manifest: { health: { path: "/healthz", startSeconds: 30, intervalSeconds: HEALTH_POLL_MS / 1000 } },
  };
}

async function release(shop: Shop, version: ShopVersion): Promise<Phases> {
  const beganAt = performance.now();
  await shop.upload(version);
  const uploadedAt = performance.now();
  const { id } = await shop.plan(version);
  const plannedAt = performance.now();
  const { client } = shop.platform;
  await client.startChange({ params: { changeId: id }, body: {} });
  for await (const _ of client.watchChange(id));
  const change = await client.getChange({ params: { changeId: id } });
  if (change.state !== "succeeded") throw new Error(`the release ended as ${change.state}: ${change.problem?.title}`);
  const total = between(change.startedAt, change.finishedAt);
  const staged = between(change.startedAt, lastStaged(change));
  return {
    "pack and upload": uploadedAt - beganAt,
    plan: plannedAt - uploadedAt,
    "stage on all hosts": staged,
    batches: total - staged,
    release: total,
  };
}

function lastStaged({ groups }: Change): string | null {
  const targets: TargetView[] = groups.flatMap(({ batches }) => batches.flatMap((batch) => batch.targets));
  const steps: StepView[] = targets.flatMap((target) => target.steps).filter(({ phase }) => phase === "stage");
  return (
    steps
      .map(({ finishedAt }) => finishedAt ?? "")
      .toSorted()
      .at(-1) ?? null
  );
}

function between(from: string | null, to: string | null): number {
  return Date.parse(to ?? "") - Date.parse(from ?? "");
}

/** What is left when there is no platform: copy the package to four folders and unpack it there, then start batch by batch. */
async function plainRelease(folder: string): Promise<number> {
  const place = await mkdtemp(join(tmpdir(), "evenkeel-bench-"));
  const children: Child[] = [];
  try {
    const file = join(place, "package.tar.gz");
    await packFolder(folder, file);
    const hosts = BATCHES.flatMap((size, batch) => Array.from({ length: size }, (_, index) => `${batch}-${index}`));
    const ports = new Map<string, number>();
    for (const host of hosts) ports.set(host, await freePort());
    const beganAt = performance.now();
    await Promise.all(hosts.map((host) => copyAndUnpack(file, join(place, host))));
    for (const batch of BATCHES.keys()) {
      const members = hosts.filter((host) => host.startsWith(`${batch}-`));
      children.push(...(await Promise.all(members.map((host) => startPlain(join(place, host), ports.get(host) ?? 0)))));
    }
    return performance.now() - beganAt;
  } finally {
    for (const child of children) await child.stop();
    await rm(place, { recursive: true, force: true });
  }
}

async function copyAndUnpack(file: string, folder: string): Promise<void> {
  await mkdir(folder);
  const copy = join(folder, "package.tar.gz");
  await copyFile(file, copy);
  const { code } = await output("tar", ["-xzf", copy, "-C", folder]);
  if (code !== 0) throw new Error(`tar ended with ${code}`);
}

async function startPlain(folder: string, port: number): Promise<Child> {
  const environment = { HOST: "127.0.0.1", PORT: String(port), EFFECTS: join(folder, "effects") };
  const child = await startChild({
    command: process.execPath,
    args: [join(folder, "server.mjs")],
    env: environment,
    port,
  });
  while ((await statusOf(port)) !== 200) await sleep(HEALTH_POLL_MS);
  return child;
}

function statusOf(port: number): Promise<number> {
  return new Promise((resolve) => {
    const call = request({ host: "127.0.0.1", port, path: "/healthz", agent: false }, (response) => {
      response.resume().on("end", () => resolve(response.statusCode ?? 0));
    });
    call.on("error", () => resolve(0)).end();
  });
}

interface Rounds {
  readonly rounds: readonly Phases[];
  readonly plain: readonly number[];
  readonly say: (line: string) => void;
}

function report({ rounds, plain, say }: Rounds): Record<string, unknown> {
  const phases = Object.keys(rounds[0] ?? {}) as (keyof Phases)[];
  const medians = Object.fromEntries(
    phases.map((phase) => [phase, Math.round(median(rounds.map((round) => round[phase])))]),
  );
  const plainMs = Math.round(median(plain));
  const ratio = (medians.release ?? Number.NaN) / plainMs;
  const rows = phases.map((phase) => [phase, `${medians[phase]} ms`]);
  for (const line of table([["", `median of ${rounds.length}`], ...rows, ["plain copy + start", `${plainMs} ms`]]))
    say(line);
  say(`\nThe release takes ${ratio.toFixed(1)} × as long as plain copy, unpacking and process start.`);
  return { hosts: 4, batches: BATCHES.length, packageBytes: PACKAGE_BYTES, phasesMs: medians, plainMs, ratio };
}
