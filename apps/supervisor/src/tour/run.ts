import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Client } from "@evenkeel/client/client";
import { ensureApplication, RELEASE_ORDER, releaseOf } from "@evenkeel/client/deployment";
import { fileSource } from "@evenkeel/client/node/file-source";
import { readManifest } from "@evenkeel/client/node/manifest";
import { packFolder } from "@evenkeel/client/node/pack";
import { allItems } from "@evenkeel/client/page";
import { followChange, type Snapshot } from "@evenkeel/client/snapshot";
import { bytes, line, span } from "@evenkeel/client/text/line";
import { uploadPackage } from "@evenkeel/client/upload";
import { isTerminal } from "@evenkeel/contracts/change-state";
import { PlatformError } from "@evenkeel/contracts/error";
import { createScreen, type Output } from "@evenkeel/kit/terminal";
import { type Load, startLoad } from "@evenkeel/load/load";
import { CODE_ROOT } from "../home.ts";
import { nextLines } from "./next.ts";
import { summaryLines, TourShow } from "./show.ts";
import { BEFORE, summarizeLoad, summarizeRelease, type TourRelease, type TourSummary } from "./summary.ts";
import { RATE, type Seen, type Standing, whatWasNotAsTold } from "./verdict.ts";

/** What the first run works on. */
export interface TourOptions {
  readonly client: Client;
  readonly gatewayUrl: string;
  /** Folder of the platform. */
  readonly home: string;
  /** It ends afterwards: nothing to try next. */
  readonly once: boolean;
  readonly out: Output;
  readonly signal?: AbortSignal;
}

const WORKSPACE = "local";
const HOST_HEADER = "hello.localhost";
const BEFORE_MS = 4000;
const BETWEEN_MS = 2000;
const REDRAW_MS = 500;

interface Tour extends TourOptions {
  readonly show: TourShow;
  readonly releases: TourRelease[];
}

/** The first run: releases the sample application, then the next version under load, then a broken one. */
export async function runTour(options: TourOptions): Promise<TourSummary> {
  const tour: Tour = { ...options, show: new TourShow(createScreen({ output: options.out })), releases: [] };
  const startedAt = performance.now();
  const problems: string[] = [];
  let seen: Seen = { hosts: 0, releases: tour.releases, requests: summarizeLoad(null), broken: null };
  try {
    seen = await play(tour);
  } catch (error) {
    if (options.signal?.aborted) throw error;
    problems.push(sentenceOf(error));
  } finally {
    tour.show.close();
  }
  problems.push(...whatWasNotAsTold(seen));
  const summary: TourSummary = {
    asTold: problems.length === 0,
    problems,
    durationMs: Math.round(performance.now() - startedAt),
    requests: seen.requests,
    releases: tour.releases,
  };
  tour.show.say(...summaryLines(summary), ...(options.once ? [] : nextLines(options, tour.releases)));
  return summary;
}

function sentenceOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return error instanceof PlatformError ? `${text} (${error.code})` : `the tour itself failed: ${text}`;
}

async function play(tour: Tour): Promise<Seen> {
  const { client, show } = tour;
  const hosts = (await allItems(client.listHosts, { workspace: WORKSPACE })).filter(({ state }) => state === "online");
  show.say(
    line(""),
    line(span("First run", "bold"), span("  the sample application, released three times", "dim")),
    line(""),
  );
  show.say(line(`1. hello 1.0.0 onto ${hosts.length} hosts`));
  await release(tour, "1.0.0");
  await answering(tour);
  show.say(line(""), line(`2. constant load: ${RATE} requests/s, GET and POST, new and kept connections`));
  const load = startLoad({ url: `${tour.gatewayUrl}/`, hostHeader: HOST_HEADER, rate: RATE });
  try {
    return { hosts: hosts.length, releases: tour.releases, ...(await underLoad(tour, load)) };
  } finally {
    await load.stop();
  }
}

async function underLoad(tour: Tour, load: Load): Promise<Pick<Seen, "broken" | "requests">> {
  const { show } = tour;
  load.on("second", (second, whole) => show.second(second, whole));
  load.mark(BEFORE);
  await sleep(BEFORE_MS, undefined, { signal: tour.signal });
  show.say(line(""), line("3. hello 2.0.0: a beta host, a bake time, then a batch for each zone"));
  load.mark("2.0.0");
  await release(tour, "2.0.0");
  load.mark("between");
  await sleep(BETWEEN_MS, undefined, { signal: tour.signal });
  show.say(line(""), line("4. hello 3.0.0 is broken: it must stop at the beta host and roll back by itself"));
  const before = await standing(tour);
  load.mark("3.0.0");
  const { change } = await release(tour, "3.0.0");
  load.mark("after");
  await sleep(BETWEEN_MS, undefined, { signal: tour.signal });
  const broken = { change, before, after: await standing(tour) };
  return { broken, requests: summarizeLoad(await load.stop()) };
}

/** Packs, uploads and releases one version of the sample, and watches it to its end. */
async function release(tour: Tour, version: string): Promise<Snapshot> {
  const { client, show, signal } = tour;
  const folder = join(CODE_ROOT, "examples/hello", version);
  const manifest = await readManifest(folder);
  const temporary = await mkdtemp(join(tmpdir(), "evenkeel-tour-"));
  try {
    const packed = await packFolder(folder, join(temporary, "hello.tar.gz"));
    await ensureApplication(client, manifest.application);
    const source = await fileSource(packed.file);
    const { digest } = await uploadPackage(client, { application: manifest.application, version, source });
    show.say(line(span(`  uploaded ${bytes(packed.sizeBytes)} ${digest.slice(0, 19)}…`, "dim")));
    const body = { kind: RELEASE_ORDER, spec: releaseOf(manifest, { version, digest }), reason: "first run" };
    const { id } = await client.createChange({ body });
    await client.startChange({ params: { changeId: id }, body: {} });
    let last: Snapshot | null = null;
    for await (last of followChange(client, id, { everyMs: REDRAW_MS, ...(signal && { signal }) })) {
      show.release(last);
      // In `failed` nobody would go on: the tour ends and says so.
      if (last.change.state === "failed" || isTerminal(last.change.state)) break;
    }
    if (last === null) throw new PlatformError("UNAVAILABLE", { what: `change ${id}` });
    show.settle();
    tour.releases.push(summarizeRelease(version, last.change, last.rollback));
    if (last.change.state === "failed") throw new PlatformError("RELEASE_FAILED", { title: last.change.title });
    return last;
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

const ANSWER_LIMIT_MS = 5000;

/** The gateway confirms a table before a release ends, so the first request is answered; a few more tell a stranger why not. */
async function answering({ gatewayUrl }: Tour): Promise<void> {
  const { request } = await import("node:http");
  const status = await new Promise<number>((resolve, reject) => {
    const call = request(gatewayUrl, { headers: { host: HOST_HEADER }, timeout: ANSWER_LIMIT_MS }, (response) => {
      response.resume().on("end", () => resolve(response.statusCode ?? 0));
    });
    call.on("error", reject).on("timeout", () => call.destroy(new Error("no answer")));
    call.end();
  });
  if (status !== 200) throw new PlatformError("UNAVAILABLE", { what: `hello behind ${gatewayUrl} (status ${status})` });
}

async function standing({ client }: Tour): Promise<Standing> {
  const routes = await allItems(client.listRoutes, { workspace: WORKSPACE });
  const [service] = (await client.listServices({ query: { workspace: WORKSPACE, name: "hello" } })).items;
  if (service === undefined) throw new PlatformError("NOT_FOUND", { resource: "service hello" });
  const params = { serviceId: service.id };
  const instances = await allItems((input) => client.listInstances({ params, ...input }), {});
  return { instances: instances.filter(({ state }) => state !== "stopped"), routes };
}
