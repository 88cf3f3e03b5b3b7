import { sampleChange, samplePlan } from "@evenkeel/client/text/sample-change";
import { afterEach, expect, test, vi } from "vitest";
import { type Bed, startBed, value } from "../test-bed.ts";

const asked = vi.hoisted(() => ({ questions: [] as string[], answer: false }));
vi.mock("@clack/prompts", () => ({
  confirm: async ({ message }: { message: string }) => {
    asked.questions.push(message);
    return asked.answer;
  },
}));

let bed: Bed;
afterEach(() => bed.close());

async function rollBack(state: "failed" | "succeeded", warnings: string[], more: readonly string[] = []) {
  asked.questions.length = 0;
  const change = sampleChange(state, [], { allowedActions: ["rollback"] });
  bed = await startBed({
    [`GET /changes/${change.id}`]: () => value(change),
    [`POST /changes/${change.id}/rollback/plan`]: () =>
      value({ plan: samplePlan({ warnings, irreversible: null }), digest: change.planDigest }),
    [`POST /changes/${change.id}/rollback`]: () => value(sampleChange("rolling-back", [])),
  });
  const line = ["change", "rollback", change.id, "--reason", "bad", ...more];
  const { code, stdout, stderr } = await bed.run(line, {}, { interactive: true });
  const began = bed.asked.some(({ method, path }) => method === "POST" && path.endsWith("/rollback"));
  return { code, began, questions: [...asked.questions], output: stdout + stderr };
}

test("a rollback that begins asks where its plan warns, as every command does, and --yes answers beforehand", async () => {
  const warned = ["local-2 is away"];
  const refused = await rollBack("failed", warned);
  expect(refused).toMatchObject({ code: 1, began: false, questions: ["Roll back all the same?"] });
  expect(refused.output).toContain("warning local-2 is away");
  await bed.close();
  expect(await rollBack("failed", warned, ["--yes"])).toMatchObject({ code: 0, began: true, questions: [] });
  await bed.close();
  expect(await rollBack("failed", [])).toMatchObject({ code: 0, began: true, questions: [] });
  await bed.close();
  // It is planned only: who starts it has seen it.
  expect(await rollBack("succeeded", warned)).toMatchObject({ code: 0, began: true, questions: [] });
});
