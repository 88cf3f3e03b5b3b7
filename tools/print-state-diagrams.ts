// Draws the arrows of the kernel's state tables into its README: the tables are the only source of what may happen.
import { readFileSync, writeFileSync } from "node:fs";
import { CHANGE_ARROWS, STEP_ARROWS, TARGET_ARROWS } from "../apps/control-plane/src/change/state.ts";

const README = new URL("../apps/control-plane/src/change/README.md", import.meta.url);
const SECTION = /(<!-- states: [^\n]*-->\n)[\s\S]*(<!-- \/states -->)/;

type Arrows = Readonly<Record<string, readonly string[]>>;

const LEVELS: readonly { readonly title: string; readonly born: readonly string[]; readonly arrows: Arrows }[] = [
  // The rollback of a change under way is born with the locks of the other, so it runs at once.
  { title: "A change", born: ["planned", "running"], arrows: CHANGE_ARROWS },
  { title: "A target", born: ["pending"], arrows: TARGET_ARROWS },
  { title: "A step, one attempt", born: ["pending"], arrows: STEP_ARROWS },
];

/** One table as a Mermaid state diagram; where nothing leads on is the end. */
export function drawStates(born: readonly string[], arrows: Arrows): string {
  // Mermaid reads a hyphen in a name as part of an arrow.
  const idOf = (state: string) => state.replaceAll("-", "_");
  const states = Object.keys(arrows);
  return [
    "stateDiagram-v2",
    ...states.filter((state) => state.includes("-")).map((state) => `  state "${state}" as ${idOf(state)}`),
    ...born.map((state) => `  [*] --> ${idOf(state)}`),
    ...states.flatMap((from) => (arrows[from] ?? []).map((to) => `  ${idOf(from)} --> ${idOf(to)}`)),
    ...states.filter((state) => arrows[state]?.length === 0).map((state) => `  ${idOf(state)} --> [*]`),
  ].join("\n");
}

/** The kernel's README with the diagrams as the tables have them now. */
export function withStateDiagrams(readme: string): string {
  if (!SECTION.test(readme)) throw new Error("the kernel's README has no place for its state diagrams");
  const drawn = LEVELS.map(
    ({ title, born, arrows }) => `### ${title}\n\n\`\`\`mermaid\n${drawStates(born, arrows)}\n\`\`\`\n`,
  ).join("\n");
  return readme.replace(SECTION, (_, head: string, tail: string) => `${head}\n${drawn}\n${tail}`);
}

export function readKernelReadme(): string {
  return readFileSync(README, "utf8");
}

if (process.argv[1] === import.meta.filename) writeFileSync(README, withStateDiagrams(readKernelReadme()));
