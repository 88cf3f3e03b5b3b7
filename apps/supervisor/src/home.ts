import { chmod, realpath } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { makeFolder } from "@evenkeel/kit/durable-file";
import { makeRunFolder } from "@evenkeel/postgres/run-folder";

/** The folder of one installation on one machine, and where things lie in it. */
export interface Home {
  readonly folder: string;
  /** For sockets: short, and closed to others; below `folder` where its path allows. */
  readonly socketFolder: string;
  readonly holdFile: string;
  readonly holderFile: string;
  readonly endpointsFile: string;
  readonly manifestFile: string;
  readonly tokenFile: string;
  readonly secretKeyFile: string;
  readonly commandFile: string;
  readonly logFolder: string;
  readonly postgresFolder: string;
  readonly objectFolder: string;
  readonly gatewayFolder: string;
  readonly handoverSocket: string;
  readonly tlsHandoverSocket: string;
  agentFolder(name: string): string;
}

/** The clone that this code stands in. */
export const CODE_ROOT = fileURLToPath(new URL("../../../", import.meta.url)).replace(/\/$/, "");

/** Makes what is missing of the folder; nobody else may look into it, for it holds credentials. */
export async function openHome(path: string): Promise<Home> {
  await makeFolder(path, 0o700);
  const folder = await realpath(path);
  await chmod(folder, 0o700);
  for (const name of ["run", "log", "bin", "objects", "postgres", "gateway", "agents"])
    await makeFolder(join(folder, name), 0o700);
  const socketFolder = await makeRunFolder(folder);
  return {
    folder,
    socketFolder,
    holdFile: join(folder, "run/hold"),
    holderFile: join(folder, "run/supervisor.json"),
    endpointsFile: join(folder, "run/endpoints.json"),
    manifestFile: join(folder, "manifest.json"),
    tokenFile: join(folder, "token"),
    secretKeyFile: join(folder, "secret-key"),
    commandFile: join(folder, "bin/evenkeel"),
    logFolder: join(folder, "log"),
    postgresFolder: join(folder, "postgres"),
    objectFolder: join(folder, "objects"),
    gatewayFolder: join(folder, "gateway"),
    handoverSocket: join(socketFolder, "handover.sock"),
    tlsHandoverSocket: join(socketFolder, "handover-tls.sock"),
    agentFolder: (name) => join(folder, "agents", name),
  };
}
