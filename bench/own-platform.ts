import { type Platform, spawnPlatform } from "@evenkeel/testkit/platform";
import type { Bench } from "./benchmark.ts";

/** A platform for one benchmark, taken away at its end, on Ctrl-C while it starts too. */
export async function ownPlatform(
  { defer }: Bench,
  environment: Readonly<Record<string, string>> = {},
): Promise<Platform> {
  const { platform, ready } = await spawnPlatform({ environment });
  defer(() => platform.remove());
  await ready();
  return platform;
}
