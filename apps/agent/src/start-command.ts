/** The start command with its places filled, as arguments for exec. */
export function startCommand(start: string, place: { host: string; port: number }): [string, ...string[]] {
  const filled = start.replaceAll("{host}", place.host).replaceAll("{port}", String(place.port));
  // With exec the process is the application itself and its exit code is the one we see; a compound line keeps its shell.
  return ["/bin/sh", "-c", isSimple(filled) ? `exec ${filled}` : filled];
}

/** One program with arguments: nothing outside quotes that only a shell understands. */
function isSimple(command: string): boolean {
  const bare = command.replace(/'[^']*'|"(?:[^"\\]|\\.)*"/g, "''");
  const [first = ""] = bare.trim().split(/\s+/);
  return !/[;&|<>()`\n]/.test(bare) && !first.includes("=") && !BUILT_IN.has(first);
}

const BUILT_IN = new Set(["cd", "exec", "export", "set", "if", "while", "for", "until", "case", "{", "!", ".", "eval"]);
