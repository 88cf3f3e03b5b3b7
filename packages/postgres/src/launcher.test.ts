import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chmodSync, chownSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { endIdentity, isAlive, killIdentity, type ProcessIdentity, readIdentity } from "@evenkeel/kit/process-identity";
import { Client } from "pg";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { findBinaries, type PostgresBinaries } from "./binaries.ts";
import { findServer, type PostgresServer, startPostgres } from "./launcher.ts";
import { findPostmaster, findServerProcesses } from "./postmaster.ts";

const found = await findBinaries();
const root = process.getuid?.() === 0;
const servers = (["embedded", "system"] as const).flatMap((kind) =>
  found.filter((each) => each.kind === kind).slice(0, 1),
);
if (servers.length < 2) {
  const missing = servers[0]?.kind === "embedded" ? "system" : "embedded";
  if (root && existsSync("/etc/debian_version"))
    throw new Error(`no ${missing} PostgreSQL; as root on Debian it must be there`);
  console.log(`skipped: no ${missing} PostgreSQL on this machine`);
}

const NOBODY = 65534;
const nobodyReadsUs =
  root && spawnSync("test", ["-r", import.meta.filename], { uid: NOBODY, gid: NOBODY, stdio: "ignore" }).status === 0;
if (!nobodyReadsUs)
  console.log("skipped: only root can become another user, and only where that user may read this folder");

let home: string;
const other: ChildProcess[] = [];

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "pg home "));
});

afterEach(async () => {
  for (const child of other.splice(0)) if (child.exitCode === null) child.kill("SIGKILL");
  await (await findServer(join(home, "data")))?.stop();
  rmSync(home, { recursive: true, force: true });
});

const places = (): { dataDir: string; runDir: string } => ({ dataDir: join(home, "data"), runDir: join(home, "run") });

async function connect(server: PostgresServer): Promise<Client> {
  const client = new Client(server.url);
  // A killed server ends its connections; the query under way tells it.
  client.on("error", () => undefined);
  await client.connect();
  return client;
}

/** A process of its own that starts the server, prints the pid of the server, and lives on. */
function starter(binaries: PostgresBinaries, options: { uid?: number; folder?: string } = {}): ChildProcess {
  const script = `
    import { startPostgres } from ${JSON.stringify(new URL("./launcher.ts", import.meta.url).pathname)};
    const server = await startPostgres(JSON.parse(process.argv[1]));
    console.log(JSON.stringify({ pid: server.identity.pid, adopted: server.adopted, notice: server.notice, url: server.url }));
    setInterval(() => undefined, 1e6);
  `;
  const folder = options.folder ?? home;
  const input = JSON.stringify({ dataDir: join(folder, "data"), runDir: join(folder, "run"), binaries });
  const child = spawn(process.execPath, ["--input-type=module", "-e", script, input], {
    stdio: ["ignore", "pipe", "inherit"],
    cwd: import.meta.dirname,
    ...(options.uid !== undefined && { uid: options.uid, gid: options.uid }),
  });
  other.push(child);
  return child;
}

interface Said {
  readonly pid: number;
  readonly adopted: boolean;
  readonly notice: string | null;
  readonly url: string;
}

async function said(child: ChildProcess): Promise<Said> {
  const [line] = (await once(child.stdout ?? child, "data")) as [Buffer];
  return JSON.parse(String(line)) as Said;
}

describe.each(servers)("PostgreSQL $version ($kind)", (binaries) => {
  const start = (): Promise<PostgresServer> => startPostgres({ ...places(), binaries });

  test("starts on an empty folder, again on its data, and leaves nothing running after stop", async () => {
    const first = await start();
    console.log(`database: PostgreSQL ${first.version}`);
    expect(first.adopted).toBe(false);
    const client = await connect(first);
    await client.query("create table kept (n int); insert into kept values (7)");
    await client.end();
    await first.stop();
    expect(isAlive(first.identity)).toBe(false);
    const second = await start();
    const again = await connect(second);
    expect((await again.query("select n from kept")).rows).toEqual([{ n: 7 }]);
    await again.end();
  });

  test("settings of other servers in our environment do not lead us astray", async () => {
    Object.assign(process.env, { PGPORT: "1", PGSSLMODE: "require" });
    try {
      const client = await connect(await start());
      await client.end();
    } finally {
      delete process.env.PGPORT;
      delete process.env.PGSSLMODE;
    }
  });

  test("a kill -9 in the middle of writes loses no committed row", async () => {
    let server = await start();
    const setup = await connect(server);
    await setup.query("create table written (writer int, n int)");
    await setup.end();
    for (let round = 0; round < 3; round += 1) {
      const counts = await writeUntilKilled(server, round);
      server = await start();
      const reader = await connect(server);
      const { rows } = await reader.query<{ writer: number; count: number }>(
        "select writer, count(distinct n)::int as count from written where writer / 10 = $1 group by writer order by writer",
        [round],
      );
      for (const [writer, acknowledged] of counts.entries())
        expect(rows[writer]?.count).toBeGreaterThanOrEqual(acknowledged);
      await reader.end();
    }
  });

  async function writeUntilKilled(server: PostgresServer, round: number): Promise<number[]> {
    const counts = [0, 0, 0, 0];
    const writers = counts.map(async (_, writer) => {
      const client = await connect(server);
      try {
        for (let n = 0; ; n += 1) {
          await client.query("insert into written values ($1, $2)", [round * 10 + writer, n]);
          counts[writer] = n + 1;
        }
      } catch {
        await client.end().catch(() => undefined);
      }
    });
    while (Math.min(...counts) < 20) await sleep(5);
    killIdentity(server.identity, "SIGKILL");
    await Promise.all(writers);
    return counts;
  }

  test("a start waits for what is left of a killed server", async () => {
    const first = await start();
    const client = await connect(first);
    const { rows } = await client.query<{ pid: number }>("select pg_backend_pid() as pid");
    const backEnd = readIdentity(rows[0]?.pid ?? 0) as ProcessIdentity;
    killIdentity(backEnd, "SIGSTOP");
    await endIdentity(first.identity, "SIGKILL", 5000);
    let started = false;
    const second = start().then((server) => {
      started = true;
      return server;
    });
    await sleep(700);
    expect(started).toBe(false);
    killIdentity(backEnd, "SIGCONT");
    expect((await second).identity).not.toEqual(first.identity);
  });

  test("a server that is killed while it starts, or while it is asked for the first time, is started again", async () => {
    await (await start()).stop();
    const cluster = join(home, "data/cluster");
    const killed: number[] = [];
    let over = false;
    const starting = start().finally(() => {
      over = true;
    });
    while (killed.length < 12 && !over) {
      const first = (await findPostmaster(cluster)) ?? {
        identity: (await findServerProcesses(cluster))[0],
        ready: false,
      };
      // The first as early as can be, the others once they take connections.
      const due = killed.length < 4 || first.ready;
      if (first.identity === undefined || killed.includes(first.identity.pid) || !due) await sleep(1);
      else if (killIdentity(first.identity, "SIGKILL")) killed.push(first.identity.pid);
    }
    const client = await connect(await starting);
    expect((await client.query("select 1 as one")).rows).toEqual([{ one: 1 }]);
    await client.end();
    // Twelve recoveries from a crash, on a disk that others use.
  }, 240_000);

  test("of two that start at the same time one starts the server and the other adopts it", async () => {
    const answers = await Promise.all([starter(binaries), starter(binaries)].map(said));
    expect(answers.map(({ adopted }) => adopted).toSorted()).toEqual([false, true]);
    expect(new Set(answers.map(({ pid }) => pid)).size).toBe(1);
    expect(readdirSync(join(home, "data")).filter((name) => name.endsWith(".tmp"))).toEqual([]);
  });

  test("the server outlives the kill -9 of whoever started it, and the next one adopts it", async () => {
    const child = starter(binaries);
    const { pid } = await said(child);
    child.kill("SIGKILL");
    await once(child, "exit");
    const server = await start();
    expect([server.identity.pid, server.adopted]).toEqual([pid, true]);
  });

  test("a starter killed while it initialises leaves nothing that keeps the next one from it", async () => {
    const child = starter(binaries);
    const data = join(home, "data");
    const begun = (): boolean => existsSync(data) && readdirSync(data).some((name) => name.startsWith("cluster."));
    while (!begun()) await sleep(2);
    child.kill("SIGKILL");
    await once(child, "exit");
    expect(existsSync(join(data, "cluster"))).toBe(false);
    const server = await start();
    expect(server.adopted).toBe(false);
    expect(readdirSync(data).filter((name) => name.startsWith("cluster."))).toEqual([]);
  });

  test("what a killed starter had set to work on the data is ended before its folder is removed", async () => {
    const leftover = join(home, "data", "cluster.1-1-00000000.tmp");
    mkdirSync(leftover, { recursive: true });
    const writer = spawn("sh", ["-c", "i=0; while :; do i=$((i+1)); : > file$i; echo; done"], { cwd: leftover });
    other.push(writer);
    await once(writer.stdout, "data");
    await start();
    expect(readIdentity(writer.pid ?? 0)).toBeNull();
    expect(readdirSync(join(home, "data")).filter((name) => name.endsWith(".tmp"))).toEqual([]);
  });

  test("an empty pid file, left by a crash between making and writing it, does not keep the server from starting", async () => {
    await endIdentity((await start()).identity, "SIGKILL", 5000);
    const file = join(home, "data", "cluster", "postmaster.pid");
    await expect.poll(async () => (await findServerProcesses(join(home, "data", "cluster"))).length).toBe(0);
    writeFileSync(file, "");
    expect((await start()).adopted).toBe(false);
  });

  test("a pid file whose pid belongs to another program by now does not keep the server from starting", async () => {
    const first = await start();
    await endIdentity(first.identity, "SIGKILL", 5000);
    const foreign = spawn("sleep", ["1000"], { stdio: "ignore" });
    other.push(foreign);
    const file = join(home, "data", "cluster", "postmaster.pid");
    writeFileSync(
      file,
      `${foreign.pid}\n${join(home, "data", "cluster")}\n1\n5432\n${join(home, "run")}\n\n 1 1\nready   \n`,
    );
    expect((await start()).adopted).toBe(false);
  });

  test.skipIf(!nobodyReadsUs)("runs as an ordinary user, in a folder of his", async () => {
    const folder = mkdtempSync(join(tmpdir(), "pg user "));
    chownSync(folder, NOBODY, NOBODY);
    try {
      const answer = await said(starter(binaries, { uid: NOBODY, folder }));
      expect(answer.adopted).toBe(false);
      expect(answer.notice).toBeNull();
    } finally {
      await (await findServer(join(folder, "data")))?.stop();
      rmSync(folder, { recursive: true, force: true });
    }
  });
});

test("a socket folder whose path is too long is a clear error, before anything is made", async () => {
  const runDir = join(home, "r".repeat(100));
  await expect(startPostgres({ ...places(), runDir })).rejects.toMatchObject({ code: "SOCKET_PATH_TOO_LONG" });
});

test("data of another major version is refused by name", async () => {
  mkdirSync(join(home, "data", "cluster"), { recursive: true });
  writeFileSync(join(home, "data", "cluster", "PG_VERSION"), "9\n");
  await expect(startPostgres(places())).rejects.toMatchObject({ code: "POSTGRES_OTHER_VERSION", facts: { major: 9 } });
});

test.skipIf(!root)("where user namespaces are refused, root's server runs as a system user and says so", async () => {
  const binaries = servers[0] as PostgresBinaries;
  chmodSync(home, 0o700);
  // A user namespace of its own has its own limit of further ones: 0. Its own mounts keep the machine's users untouched.
  const script = `
    set -e
    mkdir "$HOME_OF_TEST/etc" "$HOME_OF_TEST/lib"
    cp -a /etc/. "$HOME_OF_TEST/etc/"; mount --bind "$HOME_OF_TEST/etc" /etc; mount --bind "$HOME_OF_TEST/lib" /var/lib
    unshare --user sleep 1000 & inner=$!
    trap 'kill $inner' EXIT
    while test "$(readlink /proc/$inner/ns/user)" = "$(readlink /proc/$$/ns/user)"; do sleep 0.01; done
    echo 0 0 65536 > /proc/$inner/uid_map; echo 0 0 65536 > /proc/$inner/gid_map
    nsenter --user --target $inner sh -c 'echo 0 > /proc/sys/user/max_user_namespaces; exec "$@"' sh "$@"
  `;
  const program = `
    import { existsSync } from "node:fs";
    import { removeServerFolder } from ${JSON.stringify(new URL("./account.ts", import.meta.url).pathname)};
    import { startPostgres } from ${JSON.stringify(new URL("./launcher.ts", import.meta.url).pathname)};
    const options = JSON.parse(process.argv[1]);
    const first = await startPostgres(options);
    const second = await startPostgres(options);
    await first.stop();
    await removeServerFolder(options.dataDir);
    const left = existsSync(first.connection.host);
    console.log(JSON.stringify({ notice: first.notice, adopted: second.adopted, host: first.connection.host, left }));
  `;
  const input = JSON.stringify({ ...places(), binaries });
  const args = ["--mount", "sh", "-c", script, "sh", process.execPath, "--input-type=module", "-e", program, input];
  const child = spawn("unshare", args, {
    cwd: import.meta.dirname,
    env: { ...process.env, HOME_OF_TEST: home },
    stdio: ["ignore", "pipe", "inherit"],
  });
  other.push(child);
  const answer = JSON.parse(String((await once(child.stdout, "data"))[0])) as {
    notice: string;
    adopted: boolean;
    host: string;
    left: boolean;
  };
  expect(answer.notice).toContain("runs as evenkeel");
  expect(answer.host).toMatch(/^\/var\/lib\/evenkeel\//);
  expect([answer.adopted, answer.left]).toEqual([true, false]);
  await once(child, "exit");
});
