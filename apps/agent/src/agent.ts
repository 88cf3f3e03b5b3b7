import { join } from "node:path";
import { type AtExitPoint, exitAt } from "@evenkeel/agent-core/exit-point";
import type { Journal } from "@evenkeel/agent-core/journal";
import { AgentProtocol } from "@evenkeel/agent-core/protocol";
import type { HostClock } from "@evenkeel/agent-core/slot";
import { openSqliteJournal } from "@evenkeel/agent-core/sqlite-journal";
import type { CommandId, HostId } from "@evenkeel/contracts/id";
import { makeFolder } from "@evenkeel/kit/durable-file";
import type { Log } from "@evenkeel/kit/log";
import { bootId } from "@evenkeel/kit/process-identity";
import { Bases } from "./base/bases.ts";
import { BaseWindows } from "./base/windows.ts";
import { ClockSkew } from "./clock-skew.ts";
import type { AgentParts } from "./command.ts";
import type { Config } from "./config.ts";
import { collectControlGroups } from "./control-group.ts";
import { HostFactsReader } from "./host-facts.ts";
import { Instances } from "./instances.ts";
import { identify } from "./join.ts";
import { Link } from "./link.ts";
import { InstanceLogs } from "./log-reader.ts";
import { ObjectStore } from "./object-store.ts";
import { Retention } from "./retention.ts";
import { RevisionStore } from "./revision-store.ts";
import { commandRunner } from "./run-command.ts";
import { ScriptRunner } from "./script.ts";

const ROTATE_EVERY_MS = 3000;

/** A running agent. */
export interface Agent {
  /** Ends the agent; its instances go on. */
  leave(): void;
  /** Ends its instances first; what shall run stays as it is, and comes back with the next start. */
  stopInstances(): Promise<void>;
}

/** Restores what shall run, takes up what was in hand, then looks for a control plane. */
export async function startAgent(config: Config, agentVersion: string, log: Log): Promise<Agent> {
  const warn = (text: string): void => log.warn(text);
  await makeFolder(config.home, 0o700);
  const journal = openSqliteJournal(join(config.home, "journal.db"));
  const { hostId, credential } = await identify(config, journal, warn);
  const at = testPoints(config);
  const parts = await makeParts({ config, journal, hostId, at, warn }, credential, {
    onChange: () => protocol.reportInstances(),
    onBases: () => protocol.reportBases(),
    urls: () => link.urls(),
  });
  const { instances, bases, scripts } = parts;
  const protocol = new AgentProtocol({
    host: { hostId, agentVersion, address: config.address },
    journal,
    run: commandRunner(parts),
    at,
    clock: hostClock(),
    logs: new InstanceLogs(instances),
    isLinkFresh: () => link.isFresh(),
    instances: () => instances.reports(),
    takeBases: (all) => bases.take(all),
    onForgotten: (ids: readonly CommandId[]) => void forget(scripts, ids).catch((error: Error) => warn(error.message)),
    onSetAside: (problem) => {
      log.warn({ problem }, "this host is set aside");
      link.setAside();
    },
    warn,
  });
  const facts = new HostFactsReader(config.home, agentVersion);
  const windows = new BaseWindows(() => bases.answering());
  const { controlPlanes } = config;
  const link = new Link({
    ...{ controlPlanes, credential, protocol, facts },
    clockSkew: parts.clockSkew,
    usage: () => instances.usage(),
    baseWindows: () => windows.take(),
    log: (text) => log.info(text),
  });

  collectControlGroups(hostId);
  await instances.restore();
  protocol.recover();
  link.open();
  await scripts.tidy((commandId) => journal.find(commandId)?.acknowledged === false);
  return keepRunning(instances, link, warn);
}

/** Where a test ends or freezes this agent; nothing in production. */
function testPoints({ exitAt: exit, freezeAt: freeze }: Config): AtExitPoint {
  const atExit = exitAt(exit, () => process.kill(process.pid, "SIGKILL"));
  const atFreeze = exitAt(freeze, () => process.kill(process.pid, "SIGSTOP"));
  return (point) => {
    atExit(point);
    atFreeze(point);
  };
}

interface Ground {
  readonly config: Config;
  readonly journal: Journal;
  readonly hostId: HostId;
  readonly at: AtExitPoint;
  warn(text: string): void;
}

async function makeParts(
  { config, journal, hostId, at, warn }: Ground,
  credential: string,
  { onChange, onBases, urls }: { onChange(): void; onBases(): void; urls(): string[] },
): Promise<AgentParts> {
  const { home, name: hostName, address, ports } = config;
  const revisions = new RevisionStore(join(home, "revisions"));
  const objects = new ObjectStore(join(home, "objects"), { urls, credential: () => credential });
  const scripts = new ScriptRunner({ folder: join(home, "scripts"), hostId, at });
  const folder = join(home, "instances");
  const bases = new Bases({ folder, objects, onChange: onBases, warn });
  const place = { folder, hostId, hostName, address, ports };
  const instances = new Instances({ ...place, journal, revisions, bases, at, onChange, warn });
  const retention = new Retention({
    ...{ folder: join(home, "good"), revisions, objects },
    wanted: () => instances.wanted(),
    ofModules: () => bases.wanted.digests(),
  });
  const workFolder = join(home, "work");
  await makeFolder(workFolder, 0o700);
  return { journal, instances, bases, objects, revisions, retention, scripts, workFolder, clockSkew: new ClockSkew() };
}

function keepRunning(instances: Instances, link: Link, warn: (text: string) => void): Agent {
  const rotation = setInterval(
    () => void instances.rotateLogs().catch((error: Error) => warn(`logs are not rotated: ${error.message}`)),
    ROTATE_EVERY_MS,
  );
  const leave = (): void => {
    clearInterval(rotation);
    link.close();
    instances.leave();
  };
  return {
    leave,
    async stopInstances() {
      await instances.stopAll();
      leave();
    },
  };
}

async function forget(scripts: ScriptRunner, commandIds: readonly CommandId[]): Promise<void> {
  for (const commandId of commandIds) await scripts.forget(commandId);
}

/** On Linux `hrtime` counts from the boot of the machine, the same for all processes. */
function hostClock(): HostClock {
  return { bootId: bootId(), uptimeMs: () => Number(process.hrtime.bigint() / 1_000_000n) };
}
