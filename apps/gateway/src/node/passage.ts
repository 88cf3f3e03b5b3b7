// What rules do with a request before it is on its way: limits, faults, places, then the exchange.
// 1. A place that was given is given back exactly once: by the exchange when it ends, or here when none begins.
// 2. Whoever waits here and whose client has gone is gone too.
import type { IncomingMessage } from "node:http";
import type { ErrorCode, Facts } from "@evenkeel/contracts/error";
import type { Mark, RouteTable, TableRule } from "@evenkeel/contracts/route-table";
import { userKeyOf } from "@evenkeel/contracts/traffic/condition";
import { cellAtEntry } from "@evenkeel/contracts/traffic/decide";
import { CARRIES_NOTHING, type Carried, Marks } from "../rule/baggage.ts";
import { type Arrival, Exchange } from "./exchange.ts";
import { mirror } from "./mirror.ts";
import { answerAgain, answerFault } from "./problem.ts";
import { hasBody, peek } from "./request-body.ts";
import { NodeRequestView } from "./request-view.ts";
import type { ActiveRule } from "./service.ts";

/** What all services of a table share: lanes and cells. */
export class Entry {
  readonly marks: Marks;
  readonly cellOf: ReturnType<typeof cellAtEntry> | null;

  constructor(table: Pick<RouteTable, "callers" | "entry"> & { readonly marks: readonly Mark[] }) {
    this.marks = new Marks(table.marks);
    this.cellOf = table.callers.length === 0 && table.entry === null ? null : cellAtEntry(table);
  }
}

/** A longer body is not looked into. */
const LOOKED_INTO_BYTES = 1024 ** 2;

type Come = Omit<Arrival, "chain" | "baggage" | "release" | "body">;

/** Lets a request in as rules say. */
export function admit(come: Come, entry: Entry): void {
  const { service, req } = come;
  const { baggage } = req.headers;
  const { decide, standing } = service;
  if (decide === null && baggage === undefined && entry.cellOf === null && standing.circuit === null) {
    new Exchange({ ...come, chain: service.home, baggage: null, release: null, body: null }).start();
    return;
  }
  const carried = typeof baggage === "string" ? entry.marks.read(baggage) : CARRIES_NOTHING;
  if (service.looksIntoBodies && come.upgrade === null && hasBody(req) && mayBeJson(req))
    lookInto(come, entry, carried);
  else new Passage(come, entry, null).begin(carried);
}

// Programs call JSON many things; files are none.
const FILES = /^(multipart|image|audio|video)\/|octet-stream/i;
const mayBeJson = ({
  headers: { "content-type": type = "", "content-length": length = "0" },
}: IncomingMessage): boolean => !FILES.test(type) && Number(length) <= LOOKED_INTO_BYTES;

/** Rules that look into the body wait until all of it is there. */
function lookInto(come: Come, entry: Entry, carried: Carried): void {
  const { req, res, service, expectsContinue } = come;
  const onClose = (): void => service.counter.ended({ kind: "client-abort" }, 0);
  res.once("close", onClose);
  if (expectsContinue) res.writeContinue();
  peek(req, LOOKED_INTO_BYTES, (body) => {
    res.off("close", onClose);
    new Passage({ ...come, expectsContinue: false }, entry, body).begin(carried);
  });
}

class Passage {
  readonly #come: Come;
  readonly #entry: Entry;
  readonly #view: NodeRequestView;
  readonly #body: Buffer | null;
  readonly #held: (() => void)[] = [];
  #gone = false;

  constructor(come: Come, entry: Entry, body: Buffer | null) {
    this.#come = come;
    this.#body = body;
    this.#entry = entry;
    this.#view = new NodeRequestView(come.req, come.path, come.trustForwarded);
    this.#view.bytes = body;
  }

  begin(carried: Carried): void {
    const { service } = this.#come;
    this.#view.lane = carried.lane ?? undefined;
    const cell = carried.cell ?? this.#entry.cellOf?.(this.#view) ?? null;
    const decision = service.decide?.(this.#view, cell, (subset) => service.serves(subset)) ?? null;
    const rules = decision?.rules ?? [];
    if (this.#isRefused(rules)) return;
    const chain = decision?.chain ?? service.home;
    const { lane = null, cell: sentTo = null } = decision ?? {};
    const baggage = this.#entry.marks.write({ ...carried, cell: sentTo ?? cell, lane: lane ?? carried.lane });
    this.#delay(rules, () =>
      this.#take(rules, 0, () => {
        for (const rule of rules) this.#mirror(rule, baggage);
        const release = this.#held.length === 0 ? null : () => this.#giveBack();
        new Exchange({ ...this.#come, chain, baggage, release, body: this.#body }).start();
      }),
    );
  }

  #isRefused(rules: readonly ActiveRule[]): boolean {
    const now = performance.now();
    for (const { name, rateLimit, rate } of rules) {
      if (rateLimit === null || rate === null) continue;
      const key = this.#keyOf(rateLimit.key);
      if (rate.take(key, now)) continue;
      this.#answer("RATE_LIMITED", { rule: name, ...rateLimit }, rate.waitMs(key, now));
      return true;
    }
    const { circuit } = this.#come.service.standing;
    const errorPercent = circuit?.refuses(now) ?? null;
    if (errorPercent === null) return false;
    this.#answer("CIRCUIT_OPEN", { errorPercent, seconds: circuit?.openSeconds }, circuit?.waitMs(now));
    return true;
  }

  #keyOf(key: NonNullable<TableRule["rateLimit"]>["key"]): string {
    if (key === null) return "";
    return key === "source" ? this.#view.source : userKeyOf(this.#view, [key]);
  }

  #delay(rules: readonly ActiveRule[], then: () => void): void {
    let ms = 0;
    let go = then;
    for (const { name, fault } of rules) {
      if (fault?.delay !== undefined && isDrawn(fault.delay.percent)) ms += fault.delay.ms;
      if (go !== then || fault?.abort === undefined || !isDrawn(fault.abort.percent)) continue;
      const { status } = fault.abort;
      go = () => this.#abort(name, status);
    }
    if (ms === 0) go();
    else this.#wait((done) => setTimeout(done, ms), go);
  }

  #abort(rule: string, status: number): void {
    const { res, service } = this.#come;
    service.counter.ended({ kind: "answered", status }, 0);
    answerFault(res, status, { rule, service: service.name });
  }

  /** Waits for a call back, unless the client goes meanwhile. */
  #wait(start: (go: () => void) => NodeJS.Timeout, then: () => void): void {
    const { res } = this.#come;
    const onClose = (): void => {
      this.#gone = true;
      clearTimeout(timer);
      this.#come.service.counter.ended({ kind: "client-abort" }, 0);
    };
    const timer = start(() => {
      res.off("close", onClose);
      then();
    });
    res.once("close", onClose);
  }

  /** A place of each rule that has some, one after the other. */
  #take(rules: readonly ActiveRule[], index: number, then: () => void): void {
    const rule = rules[index];
    if (rule === undefined) {
      then();
      return;
    }
    const { places, concurrency, name } = rule;
    if (places === null || concurrency === null) {
      this.#take(rules, index + 1, then);
      return;
    }
    const { res } = this.#come;
    const onClose = (): void => {
      this.#gone = true;
      leave();
      this.#giveBack();
      this.#come.service.counter.ended({ kind: "client-abort" }, 0);
    };
    res.once("close", onClose);
    const leave = places.ask((mayGo) => {
      res.off("close", onClose);
      if (mayGo) this.#held.push(() => places.giveBack());
      if (mayGo && !this.#gone) {
        this.#take(rules, index + 1, then);
        return;
      }
      this.#giveBack();
      if (!this.#gone) this.#answer("CONCURRENCY_REACHED", { rule: name, requests: concurrency.requests });
    });
  }

  #giveBack(): void {
    for (const giveBack of this.#held.splice(0)) giveBack();
  }

  #mirror({ mirror: wanted }: ActiveRule, baggage: string | null): void {
    const { service } = this.#come;
    if (wanted === null || Math.random() * 10_000 >= wanted.basisPoints) return;
    const instance = service.choose(wanted.chain, []);
    if (instance !== null) mirror(instance, this.#come, baggage);
  }

  #answer(code: ErrorCode, facts: Facts, againMs = 0): void {
    const { res, service } = this.#come;
    const status = answerAgain(res, code, { service: service.name, ...facts, againMs });
    service.counter.ended({ kind: "answered", status }, 0);
  }
}

const isDrawn = (percent: number): boolean => Math.random() * 100 < percent;
