import { spawnSync } from "node:child_process";
import { PlatformError } from "@evenkeel/contracts/error";
import type { Log } from "@evenkeel/kit/log";
import type { Config } from "./config.ts";
import type { Driver, DriverOptions } from "./driver.ts";
import { folderOf, HaproxyDriver } from "./haproxy/driver.ts";
import { endProgram } from "./haproxy/program.ts";
import { DataPlane } from "./node/data-plane.ts";

// Debian keeps it where only root looks.
const PLACES = ["haproxy", "/usr/sbin/haproxy", "/usr/local/sbin/haproxy"];
const OLDEST = [2, 6];

interface Options extends DriverOptions {
  readonly home: string;
  readonly log: Log;
}

/** The driver that the configuration names, or the best one that this machine has. */
export async function chooseDriver(
  { driver, haproxy }: Pick<Config, "driver" | "haproxy">,
  options: Options,
): Promise<Driver> {
  if (driver !== "node") {
    const command = findHaproxy(haproxy === null ? PLACES : [haproxy]);
    if (command !== null) return await HaproxyDriver.create({ ...options, command });
    if (driver === "haproxy") throw new PlatformError("HAPROXY_MISSING", { oldest: OLDEST.join(".") });
  }
  // One that an earlier start has left would go on serving by an old table.
  endProgram(folderOf(options.home));
  return new DataPlane(options);
}

/** The first of these that is an HAProxy new enough. */
export function findHaproxy(places: readonly string[] = PLACES): string | null {
  return places.find((place) => isNewEnough(versionOf(place))) ?? null;
}

function versionOf(command: string): number[] | null {
  const { stdout } = spawnSync(command, ["-v"], { encoding: "utf8" });
  const [, major, minor] = /^HAProxy version (\d+)\.(\d+)/.exec(stdout ?? "") ?? [];
  return major === undefined || minor === undefined ? null : [Number(major), Number(minor)];
}

function isNewEnough(version: readonly number[] | null): boolean {
  const [major = 0, minor = 0] = version ?? [];
  const [oldestMajor = 0, oldestMinor = 0] = OLDEST;
  return major > oldestMajor || (major === oldestMajor && minor >= oldestMinor);
}
