// What both drivers are held to. A test stands for each driver; where one cannot, an ADR says why.
import { readFileSync } from "node:fs";
import { DRIVER_LIMITS, type DriverLimit } from "@evenkeel/contracts/driver-limits";
import { afterAll, expect, test } from "vitest";
import type { DriverName } from "./bed.ts";

/** The test of each limit, and the words by which its ADR names it. */
const LIMITED: Readonly<Record<DriverLimit, { readonly test: string; readonly words: string }>> = {
  "header-size": { test: "too many or too large headers are refused with 431", words: "400 in place of 431" },
  "folded-header": {
    test: "a folded header: is refused, and nothing reaches the application",
    words: "folded header",
  },
  "target-and-host": {
    test: "the address form of a target counts, not the Host header",
    words: "differs from its Host header",
  },
  "length-beside-chunks": {
    test: "both length and chunks: is refused, and nothing reaches the application",
    words: "length beside chunks",
  },
  "lost-get": { test: "a GET that a new connection lost is not sent again", words: "on a new connection too" },
  "http-1-0": { test: "for a client of HTTP/1.0 it is a reset, since it knows no other sign", words: "HTTP/1.0" },
  "early-answer": {
    test: "an answer before the end of the upload reaches the client, whose connection stays of use",
    words: "before the end of an upload",
  },
  "post-connection": { test: "a POST takes a kept connection that has just answered", words: "connection of its own" },
  "http-2-cut-answer": {
    test: "an answer of unknown length that ends early is told as an error, and the connection goes on",
    words: "an answer of unknown length that ends early",
  },
  "proxy-header-in-pieces": {
    test: "a header that comes in pieces is put together",
    words: "header that comes in pieces",
  },
  "control-characters": {
    test: "a header with a control character: is refused, and nothing reaches the application",
    words: "Control characters in the value of a header",
  },
  "proxy-header-numbers": {
    test: "a header whose numbers are no address and no port is a wrong one",
    words: "Numbers beyond their range in a line of the PROXY protocol",
  },
  "proxy-header-family": {
    test: "a proxy that speaks for somebody who did not come by TCP is the client itself",
    words: "somebody who did not come by TCP",
  },
};

/** Why a driver does not pass a test; undefined = it has to. */
function limitOf(driver: DriverName, name: string): { readonly adr: string; readonly words: string } | undefined {
  return DRIVER_LIMITS[driver]
    .map(({ limit, adr }) => ({ ...LIMITED[limit], adr }))
    .find(({ test: limited }) => limited === name);
}

type Result = "passed" | "failed" | "unsupported";
const results = new Map<string, Partial<Record<DriverName, Result>>>();

function note(name: string, driver: DriverName, result: Result): void {
  results.set(name, { ...results.get(name), [driver]: result });
}

/** `test` for one driver: its results stand in the table. */
export function conforming(driver: DriverName): (name: string, body: () => Promise<void>) => void {
  return (name, body) => {
    const limit = limitOf(driver, name);
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
