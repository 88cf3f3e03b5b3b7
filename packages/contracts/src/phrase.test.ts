import { expect, test } from "vitest";
import { z } from "zod";
import { errorTitle } from "./error.ts";
import { PHRASES, type PhraseCode, phraseOf, say, titleIn } from "./phrase.ts";

const CODES = Object.keys(PHRASES) as PhraseCode[];
const WORDS: Readonly<Record<string, string>> = {
  title: "shop: release 1.0.0",
  hosts: "a, b",
  state: "failed",
  steps: "10, 100",
};

/** A sentence with facts of the right shape, and those facts. */
function example(code: PhraseCode): { readonly text: string; readonly facts: Readonly<Record<string, string>> } {
  const names = [...PHRASES[code].matchAll(/\{(\w+)\}/g)].map(([, name = ""]) => name);
  for (const sample of ["7", "shop-1"]) {
    const facts = Object.fromEntries(names.map((name) => [name, WORDS[name] ?? sample]));
    const text = PHRASES[code].replace(/\{(\w+)\}/g, (_, name: string) => facts[name] ?? "");
    const [family] = code.split(".");
    if (phraseOf(text, family)?.code === code) return { text, facts };
  }
  return { text: "", facts: {} };
}

test.each(CODES)("%s is known again by its sentence, with its facts", (code) => {
  const { text, facts } = example(code);
  expect(phraseOf(text, code.split(".")[0])).toEqual({ code, facts });
});

test("a sentence is made of its facts, and tells them again", () => {
  const text = say("warning.zone-only", { zones: ["a", "b"], count: 3, total: 12 });
  expect(text).toBe("zone a, b only: 3 of 12 hosts stay as they are");
  expect(phraseOf(text)).toEqual({ code: "warning.zone-only", facts: { zones: "a, b", count: "3", total: "12" } });
  expect(phraseOf(say("title.switch", { title: "shop: release 1.0.0", live: "blue", idle: "green" }))?.facts).toEqual({
    ...{ title: "shop: release 1.0.0", live: "blue", idle: "green" },
  });
});

test.each([
  "shop",
  "beta",
  "traffic",
  "stopped",
  "local-1",
  "1.0.0",
  "http://a/b?c=d",
  "",
  "we waited (3)",
  "it looks fine",
])("a name or somebody's own words are no phrase: %j", (text) => expect(phraseOf(text)).toBeNull());

test.each([
  [z.string(), 5, "input.type"],
  [z.literal("a"), "b", "input.value"],
  [z.enum(["a", "b"]), "c", "input.option"],
  [z.string().min(1), "", "input.small-size"],
  [z.array(z.string()).max(1), ["a", "b"], "input.big-size"],
  [z.number().min(1), 0, "input.small"],
  [z.int().lt(5), 7, "input.big"],
  [z.string().length(2), "abc", "input.big-size"],
  [z.string().startsWith("/"), "a", "input.starts"],
  [z.string().regex(/^a$/), "b", "input.pattern"],
  [z.iso.datetime(), "today", "input.moment"],
  [z.record(z.string().max(1), z.string()), { ab: "c" }, "input.key"],
  [z.discriminatedUnion("kind", [z.object({ kind: z.literal("a") })]), { kind: "b" }, "input.discriminator"],
])("what the schema library says of a wrong value is a phrase: %#", (schema, value, code) => {
  const said = schema.safeParse(value).error?.issues[0]?.message ?? "";
  expect({ said, code: phraseOf(said)?.code }).toEqual({ said, code });
});

test("a single word is a phrase where its family is asked for", () => {
  expect(phraseOf("beta", "batch")?.code).toBe("batch.beta");
  expect(phraseOf("beta", "value")).toBeNull();
});

test("the sentence of a problem is known again where an answer has nothing else", () => {
  const facts = {
    resource: "service shop",
    holder: "chg_1",
    since: "2026-11-22T03:00:00Z",
    why: "shop: release 1.0.0",
  };
  expect(titleIn(errorTitle("LOCK_HELD", facts))).toEqual({ code: "LOCK_HELD", facts });
  expect(titleIn("we look at it")).toBeNull();
});
