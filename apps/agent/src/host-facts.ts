import { readFile, statfs } from "node:fs/promises";
import { availableParallelism, release } from "node:os";
import type { HostFacts } from "@evenkeel/contracts/host";

interface CpuTimes {
  readonly busy: number;
  readonly all: number;
}

/** Reads what /proc tells of this host; how busy it was is counted from call to call. */
export class HostFactsReader {
  readonly #home: string;
  readonly #agentVersion: string;
  #last: CpuTimes = { busy: 0, all: 0 };

  constructor(home: string, agentVersion: string) {
    this.#home = home;
    this.#agentVersion = agentVersion;
  }

  async read(): Promise<HostFacts> {
    const [stat, meminfo, loadavg, disk, os] = await Promise.all([
      readFile("/proc/stat", "utf8"),
      readFile("/proc/meminfo", "utf8"),
      readFile("/proc/loadavg", "utf8"),
      statfs(this.#home),
      readFile("/etc/os-release", "utf8").catch(() => ""),
    ]);
    return {
      cpus: availableParallelism(),
      cpuBusy: this.#busySinceLast(stat),
      load1: Number.parseFloat(loadavg),
      memoryTotalBytes: memory(meminfo, "MemTotal"),
      memoryAvailableBytes: memory(meminfo, "MemAvailable"),
      diskTotalBytes: disk.blocks * disk.bsize,
      diskFreeBytes: disk.bavail * disk.bsize,
      kernel: release(),
      os: /^PRETTY_NAME="?([^"\n]*)/m.exec(os)?.[1] ?? "Linux",
      node: process.version,
      agentVersion: this.#agentVersion,
    };
  }

  /** Fields of the first line: user nice system idle iowait …, in clock ticks since boot. */
  #busySinceLast(stat: string): number {
    const ticks = stat.slice(0, stat.indexOf("\n")).split(/\s+/).slice(1, 9).map(Number);
    const all = ticks.reduce((sum, one) => sum + one, 0);
    const busy = all - (ticks[3] ?? 0) - (ticks[4] ?? 0);
    const last = this.#last;
    this.#last = { busy, all };
    return all === last.all ? 0 : Math.min(1, Math.max(0, (busy - last.busy) / (all - last.all)));
  }
}

/** The file counts in KiB. */
function memory(meminfo: string, name: string): number {
  return Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(meminfo)?.[1] ?? 0) * 1024;
}
