import { errorRemedy, PlatformError } from "@evenkeel/contracts/error";
import { readOptions } from "./options.ts";
import { up } from "./up.ts";

// A terminal that was closed must not end the supervisor in the middle of its work.
process.stdout.on("error", () => undefined);
process.stderr.on("error", () => undefined);

try {
  process.exit(await up(readOptions(process.argv.slice(2), process.env), process.env));
} catch (error) {
  if (!(error instanceof PlatformError)) throw error;
  process.stderr.write(`${error.message} ${errorRemedy(error.code, error.facts)} (${error.code})\n`);
  process.exit(1);
}
