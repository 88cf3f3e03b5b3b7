import { buffer } from "node:stream/consumers";
import { bizNameIn, JAR_MANIFEST } from "@evenkeel/contracts/ark-biz";
import { openPromise } from "yauzl";
import { refusal } from "./client.ts";

/** What a package of that family says it is. */
export async function readBizName(path: string): Promise<{ readonly name: string; readonly version: string }> {
  const zip = await openPromise(path, { validateEntrySizes: true, strictFileNames: false });
  for await (const entry of zip.eachEntry()) {
    if (entry.fileName !== JAR_MANIFEST) continue;
    const found = bizNameIn((await buffer(await zip.openReadStreamPromise(entry))).toString("utf8"));
    if (found !== null) return found;
  }
  throw refusal("BUNDLE_INVALID", { problem: `${JAR_MANIFEST} names no Ark-Biz-Name and Ark-Biz-Version` });
}
