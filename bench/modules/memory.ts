// Run as a process of its own: prints the own memory, in MB, that each of so many modules adds to a base.
import { collectAll } from "@evenkeel/base/owner/memory";
import { BaseBed } from "@evenkeel/base/testing";
import { moduleCode } from "./content.ts";
import { ownMemoryMb } from "./processes.ts";

export const MEMORY_PROGRAM = import.meta.filename;
const BYTES = 100_000;

async function main(count: number): Promise<void> {
  const bed = await BaseBed.open();
  const install = async (index: number): Promise<void> => {
    const provides = { routes: [{ path: `/subject-${index}` }] };
    await bed.install({ name: `subject-${index}`, version: "1.0.0", provides }, moduleCode(BYTES, `1.0.${index}`));
    bed.clean();
  };
  // The first ones warm the base up.
  for (let index = 0; index < 5; index += 1) await install(index);
  await collectAll();
  const before = ownMemoryMb(process.pid);
  for (let index = 0; index < count; index += 1) await install(5 + index);
  await collectAll();
  console.log((ownMemoryMb(process.pid) - before) / count);
  await bed[Symbol.asyncDispose]();
}

if (process.argv[1] === MEMORY_PROGRAM) await main(Number(process.argv[2]));
