// What the maps of the worker that serves hold. A map is replaced at once: a request finds all of the old one or all of the new one.
import type { Log } from "@evenkeel/kit/log";
import { HOSTS_MAP, type MapTexts, PATHS_MAP } from "./routing.ts";
import type { Runtime } from "./runtime.ts";

// What follows a command on its socket must fit into one buffer of HAProxy.
const MOST_CHARACTERS = 8000;

export class Maps {
  readonly #runtime: Pick<Runtime, "ask">;
  readonly #log: Log;
  /** As far as they are known; a map that is not in it is asked for. */
  #running: Record<string, string> = {};

  constructor(runtime: Pick<Runtime, "ask">, log: Log) {
    this.#runtime = runtime;
    this.#log = log;
  }

  /** A worker has read these files, and nobody has told it anything since; null where that is not known. */
  meet(maps: MapTexts | null): void {
    this.#running = { ...maps };
  }

  /** Whether it is known to hold all of these. */
  hold(wanted: MapTexts): boolean {
    return Object.entries(wanted).every(([file, text]) => this.#running[file] === text);
  }

  /** False where HAProxy does not hold what it was told to. */
  async steer(wanted: MapTexts): Promise<boolean> {
    for (const file of Object.keys(wanted)) this.#running[file] ??= await this.#read(file);
    for (const [file, text] of stagesOf(this.#running, wanted)) {
      const answer = await this.#replace(file, text);
      this.#running[file] = await this.#read(file);
      if (this.#running[file] === text) continue;
      this.#log.warn({ file, answer: answer.slice(0, 500) }, "map not steered");
      return false;
    }
    return true;
  }

  async #read(file: string): Promise<string> {
    return readMap(await this.#runtime.ask(`show map ${file}`));
  }

  async #replace(file: string, text: string): Promise<string> {
    let answer = await this.#runtime.ask(`prepare map ${file}`);
    const version = /New version created: (\d+)/.exec(answer)?.[1];
    if (version === undefined) return answer;
    for (const part of partsOf(text)) answer += await this.#runtime.ask(`add map @${version} ${file} <<\n${part}`);
    // killed here: what was not committed is nobody's, and leaves with the next commit
    return answer + (await this.#runtime.ask(`commit map @${version} ${file}`));
  }
}

/**
 * Which maps to replace by what, in this order, so that every request between two of them goes by the old table or by the new
 * one: leaves and hosts that come stand before anybody is sent to them, and those that go stay until nobody is.
 */
export function stagesOf(running: MapTexts, wanted: MapTexts): [file: string, text: string][] {
  const { [HOSTS_MAP]: hosts, [PATHS_MAP]: paths, ...others } = wanted;
  const stages: [string, string | undefined][] = Object.entries(others);
  const isOneStep = stages.every(([file, text]) => running[file] === text) && running[HOSTS_MAP] === hosts;
  if (!isOneStep && hosts !== undefined && paths !== undefined) {
    stages.unshift([PATHS_MAP, both(running[PATHS_MAP], paths)], [HOSTS_MAP, both(running[HOSTS_MAP], hosts)]);
  }
  stages.push([HOSTS_MAP, hosts], [PATHS_MAP, paths]);
  const now = { ...running };
  return stages.flatMap(([file, text]) => {
    if (text === undefined || now[file] === text) return [];
    now[file] = text;
    return [[file, text] as [string, string]];
  });
}

const linesOf = (text: string): string[] => text.split("\n").filter((line) => line !== "");
const keyOf = (line: string): string => line.slice(0, line.indexOf(" "));

/** All of the new lines, and those of the old ones that have another key. */
function both(old = "", text: string): string {
  const keys = new Set(linesOf(text).map(keyOf));
  const left = linesOf(old).filter((line) => !keys.has(keyOf(line)));
  return text + left.map((line) => `${line}\n`).join("");
}

/** Reads `show map`: an address, which means nothing to us, before each line. */
export function readMap(answer: string): string {
  return linesOf(answer)
    .map((line) => `${line.slice(line.indexOf(" ") + 1)}\n`)
    .join("");
}

function partsOf(text: string): string[] {
  const parts: string[] = [];
  let part = "";
  for (const line of linesOf(text)) {
    if (part.length + line.length > MOST_CHARACTERS) {
      parts.push(part);
      part = "";
    }
    part += `${line}\n`;
  }
  return part === "" ? parts : [...parts, part];
}
