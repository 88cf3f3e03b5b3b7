// A lock among processes of one checkout, made of numbered files in one folder; each file names its owner.
// Invariants:
// 1. The holder is the owner of the highest number; a number is taken by link(2), whole and only once.
// 2. The highest file is never removed, only marked as released; a holder removes the lower ones. So a waiter that
//    was asleep and takes a number anew that a later holder removed sees a higher one, and gives way.
// 3. An owner lives while its pid has the start time it had; whoever was killed holds nothing.
import { link, mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

const POLL_MS = 100;

/** Runs `work` while no other process does; `say` gets a line if it has to wait. */
export async function withInstallLock(folder, say, work) {
  await mkdir(folder, { recursive: true });
  let told = false;
  for (;;) {
    const claim = await tryClaim(folder);
    if (claim.number !== undefined) {
      try {
        return await work();
      } finally {
        await release(folder, claim.number);
      }
    }
    if (!told) say(`another start (process ${claim.holder}) is installing; waiting for it …`);
    told = true;
    await sleep(POLL_MS);
  }
}

async function tryClaim(folder) {
  const highest = Math.max(0, ...(await numbers(folder)));
  const holder = highest === 0 ? null : await livingOwner(join(folder, String(highest)));
  if (holder !== null) return { holder };
  const number = highest + 1;
  const draft = join(folder, `draft-${process.pid}-${number}`);
  await writeFile(draft, `${process.pid} ${await startTime(process.pid)}`);
  try {
    await link(draft, join(folder, String(number)));
  } catch (error) {
    if (error.code !== "EEXIST") throw error;
    return tryClaim(folder);
  } finally {
    await rm(draft, { force: true });
  }
  const all = await numbers(folder);
  if (Math.max(...all) > number) {
    await rm(join(folder, String(number)), { force: true });
    return tryClaim(folder);
  }
  await Promise.all(
    all.filter((other) => other < number).map((other) => rm(join(folder, String(other)), { force: true })),
  );
  return { number };
}

async function release(folder, number) {
  const draft = join(folder, `draft-${process.pid}-released`);
  await writeFile(draft, "released");
  await rename(draft, join(folder, String(number)));
}

async function numbers(folder) {
  return (await readdir(folder)).filter((name) => /^\d+$/.test(name)).map(Number);
}

/** The pid in the file if that very process still runs, else null. */
async function livingOwner(file) {
  const [pid, startedAt] = (await readFile(file, "utf8").catch(() => "")).split(" ");
  if (!pid || !startedAt) return null;
  return (await startTime(pid)) === startedAt ? pid : null;
}

async function startTime(pid) {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
  // Field 22; the name in field 2 may hold blanks and brackets, so count after its last bracket.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return fields[0] === "Z" ? "" : (fields[19] ?? "");
}
