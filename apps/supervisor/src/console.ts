import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Client } from "@evenkeel/client/client";
import { PlatformError } from "@evenkeel/contracts/error";
import type { Endpoints } from "./endpoints.ts";
import { CODE_ROOT } from "./home.ts";

/** Where the build of the console lies; a control plane serves it from there. */
const BUILT = join(CODE_ROOT, ".runtime/console/index.html");

/** What is printed of the console: its address with a login link that works once, for a short time. */
export async function consoleText(
  client: Client,
  { controlPlanes }: Pick<Endpoints, "controlPlanes">,
): Promise<string> {
  if (!existsSync(BUILT)) return "not built: `node tools/bootstrap.mjs install` builds it";
  const address = controlPlanes[0] ?? "";
  try {
    const { link } = await client.createLoginLink({ body: {} });
    // Behind the #, so that it is sent to nobody; the page takes it out of the address before it does anything else.
    return `${address}/login#link=${link}`;
  } catch (error) {
    // A control plane of an older version, or one that is just being restarted: the page itself asks for a token.
    if (error instanceof PlatformError) return address;
    throw error;
  }
}
