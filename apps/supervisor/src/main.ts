import { errorRemedy, PlatformError, problemOf } from "@evenkeel/contracts/error";
import { keepCompiled } from "@evenkeel/kit/compile-cache";
import { readOptions, readRestoreOptions, UP_USAGE } from "./options.ts";
import { restore } from "./restore.ts";
import { up } from "./up.ts";

// A terminal that was closed must not end the supervisor in the middle of its work.
process.stdout.on("error", () => undefined);
process.stderr.on("error", () => undefined);
keepCompiled();

try {
  const args = process.argv.slice(2);
  if (args.includes("--help") || args.includes("-h")) {
    process.stdout.write(UP_USAGE);
    process.exit(0);
  }
  const asked = readRestoreOptions(args, process.env);
  process.exit(
    asked === null ? await up(readOptions(args, process.env), process.env) : await restore(asked, process.env),
  );
} catch (error) {
  if (!(error instanceof PlatformError)) throw error;
  // As the command does: who reads JSON reads the refusal in it too.
  if (process.argv.includes("--json"))
    process.stdout.write(`${JSON.stringify({ error: problemOf(error.code, error.facts) })}\n`);
  else process.stderr.write(`${error.message} ${errorRemedy(error.code, error.facts)} (${error.code})\n`);
  process.exit(1);
}
