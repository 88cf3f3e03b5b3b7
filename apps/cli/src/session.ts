import { chmod, mkdir, readFile, rm } from "node:fs/promises";
import { homedir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { PlatformError } from "@evenkeel/contracts/error";
import { readJson, writeDurableJson } from "@evenkeel/kit/durable-file";
import { z } from "zod";

type Env = Readonly<Record<string, string | undefined>>;

/** Where a person is logged in. With `home` the addresses are read anew from that folder: its ports may differ after a start. */
const Session = z.strictObject({
  urls: z.array(z.string()).min(1),
  token: z.string(),
  home: z.string().nullable(),
  principal: z.string(),
});
export type Session = z.infer<typeof Session>;

/** What `evenkeel up` leaves in its folder; it may hold more. */
const Endpoints = z.looseObject({ controlPlanes: z.array(z.string()).min(1), gateway: z.string().optional() });
export type Endpoints = z.infer<typeof Endpoints>;

/** The root of the installation that this command belongs to. */
export const INSTALLATION = resolve(import.meta.dirname, "../../..");

/** The folder of the platform on this machine. */
export function homeOf(env: Env): string {
  return resolve(env.EVENKEEL_HOME ?? join(INSTALLATION, ".evenkeel"));
}

export function sessionFile(env: Env): string {
  const config = env.XDG_CONFIG_HOME ?? join(env.HOME ?? homedir(), ".config");
  return join(config, "evenkeel", "session.json");
}

/** The addresses of the platform in this folder; null where none was started. */
export async function readEndpoints(home: string): Promise<Endpoints | null> {
  return readJson(join(home, "run", "endpoints.json"), Endpoints);
}

/** The administrator's token of the platform in this folder; null where there is none, or not for this user. */
export async function readHomeToken(home: string): Promise<string | null> {
  return readFile(join(home, "token"), "utf8").then(
    (text) => text.trim(),
    () => null,
  );
}

/** EVENKEEL_URL and EVENKEEL_TOKEN, else the stored session, else the platform on this machine. */
export async function readSession(env: Env): Promise<Session> {
  if (env.EVENKEEL_URL && env.EVENKEEL_TOKEN) {
    return { urls: env.EVENKEEL_URL.split(","), token: env.EVENKEEL_TOKEN, home: null, principal: "" };
  }
  const stored = await readJson(sessionFile(env), Session);
  if (stored !== null) return renewed(stored);
  const found = await findLocal(homeOf(env));
  if (found === null) throw new PlatformError("NOT_LOGGED_IN");
  return found;
}

async function renewed(stored: Session): Promise<Session> {
  if (stored.home === null) return stored;
  return (await findLocal(stored.home)) ?? stored;
}

/** The platform on this machine, if this user may read its token. */
export async function findLocal(home: string): Promise<Session | null> {
  const [endpoints, token] = await Promise.all([readEndpoints(home), readHomeToken(home)]);
  if (endpoints === null || token === null) return null;
  return { urls: endpoints.controlPlanes, token, home, principal: "" };
}

/** Stores the session for this user alone. */
export async function writeSession(env: Env, session: Session): Promise<string> {
  const file = sessionFile(env);
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  await writeDurableJson(file, session, 0o600);
  await chmod(file, 0o600);
  return file;
}

export async function removeSession(env: Env): Promise<void> {
  await rm(sessionFile(env), { force: true });
}
