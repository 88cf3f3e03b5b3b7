import { spawn } from "node:child_process";
import { once } from "node:events";
import { expect, test } from "vitest";

const here = (name: string): string => JSON.stringify(new URL(name, import.meta.url).pathname);

function start(parts: string): ReturnType<typeof spawn> {
  const script = `
    import { onShutdown } from ${here("./shutdown.ts")};
    import { logTo } from ${here("./log.ts")};
    const shutdown = onShutdown({ log: logTo({ write: () => undefined }, { part: "test" }) });
    const say = (word) => process.stdout.write(word + " ");
    ${parts}
    setInterval(() => undefined, 1e6);
    say("ready");
  `;
  return spawn(process.execPath, ["--input-type=module", "-e", script], { stdio: ["ignore", "pipe", "inherit"] });
}

async function collect(
  child: ReturnType<typeof spawn>,
  onText: (text: string) => void,
): Promise<{ text: string; code: unknown }> {
  let text = "";
  child.stdout?.on("data", (bytes) => {
    text += bytes;
    onText(text);
  });
  const [code] = await once(child, "close");
  return { text: text.trim(), code };
}

test("parts are closed in the reverse of their order, and one that fails does not keep the others open", async () => {
  const child = start(`
    shutdown.add("database", () => say("database"));
    shutdown.add("broken", () => { return Promise.reject(new Error("no")); });
    shutdown.add("thrower", () => { throw new Error("no"); });
    shutdown.add("server", async () => say("server"));
  `);
  const ended = await collect(child, (text) => {
    if (text === "ready ") child.kill("SIGTERM");
  });
  expect(ended).toEqual({ text: "ready server database", code: 0 });
});

test("a second signal hurries what is still closing", async () => {
  const child = start(`
    shutdown.add("slow", (hurry) => new Promise((resolve) => { say("closing"); hurry.addEventListener("abort", () => { say("hurried"); resolve(); }); }));
  `);
  const ended = await collect(child, (text) => {
    if (text === "ready " || text.endsWith("closing ")) child.kill("SIGINT");
  });
  expect(ended).toEqual({ text: "ready closing hurried", code: 0 });
});
