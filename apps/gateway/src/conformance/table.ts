// What both drivers are held to. A test stands for each driver; where one cannot, an ADR says why.
import { readFileSync } from "node:fs";
import { afterAll, expect, test } from "vitest";
import type { DriverName } from "./bed.ts";

/** What a driver cannot do, by the name of its test: the ADR that names the limit, and the words it names it with. */
const UNSUPPORTED: Readonly<Partial<Record<DriverName, Readonly<Record<string, Limit>>>>> = {
  haproxy: {
    "too many or too large headers are refused with 431": { adr: "0047", words: "400 in place of 431" },
    "a folded header: is refused, and nothing reaches the application": { adr: "0047", words: "folded header" },
    "the address form of a target counts, not the Host header": { adr: "0047", words: "differs from its Host header" },
    "both length and chunks: is refused, and nothing reaches the application": {
      adr: "0047",
      words: "length beside chunks",
    },
    "a GET that a new connection lost is not sent again": { adr: "0047", words: "on a new connection too" },
    "for a client of HTTP/1.0 it is a reset, since it knows no other sign": { adr: "0047", words: "HTTP/1.0" },
    "an answer before the end of the upload reaches the client, whose connection stays of use": {
      adr: "0047",
      words: "before the end of an upload",
    },
    "a POST takes a kept connection that has just answered": { adr: "0047", words: "connection of its own" },
    "an answer of unknown length that ends early is told as an error, and the connection goes on": {
      adr: "0067",
      words: "an answer of unknown length that ends early",
    },
    "a header with a control character: is refused, and nothing reaches the application": {
      adr: "0082",
      words: "Control characters in the value of a header",
    },
    "a header that comes in pieces is put together": { adr: "0067", words: "header that comes in pieces" },
  },
};

interface Limit {
  readonly adr: string;
  readonly words: string;
}

type Result = "passed" | "failed" | "unsupported";
const results = new Map<string, Partial<Record<DriverName, Result>>>();

function note(name: string, driver: DriverName, result: Result): void {
  results.set(name, { ...results.get(name), [driver]: result });
}

/** `test` for one driver: its results stand in the table. */
export function conforming(driver: DriverName): (name: string, body: () => Promise<void>) => void {
  return (name, body) => {
    const limit = UNSUPPORTED[driver]?.[name];
    if (limit === undefined) {
      test(name, async () => {
        note(name, driver, "failed");
        await body();
        note(name, driver, "passed");
      });
      return;
    }
    test(`${name}: unsupported, ADR ${limit.adr}`, () => {
      note(name, driver, "failed");
      expect(textOfAdr(limit.adr)).toContain(limit.words);
      note(name, driver, "unsupported");
    });
  };
}

const ADRS = new URL("../../../../docs/adr/", import.meta.url);
const TITLES: Readonly<Record<string, string>> = {
  "0047": "0047-what-haproxy-does-otherwise.md",
  "0067": "0067-what-haproxy-does-otherwise-at-the-edge.md",
  "0082": "0082-what-haproxy-lets-through.md",
};

function textOfAdr(adr: string): string {
  return readFileSync(new URL(TITLES[adr] ?? adr, ADRS), "utf8").replace(/\s+/g, " ");
}

/** Prints the table of a file's tests when all have ended. */
export function printTable(title: string): void {
  afterAll(() => {
    const rows = [...results].map(
      ([name, { node = "", haproxy = "" }]) => `${node.padEnd(12)}${haproxy.padEnd(12)}${name}`,
    );
    console.log([`conformance: ${title}`, `${"node".padEnd(12)}${"haproxy".padEnd(12)}`, ...rows].join("\n"));
    expect([...results.values()].flatMap((row) => Object.values(row))).not.toContain("failed");
  });
}
