import type { Kysely } from "kysely";
import type { Database } from "../database.ts";
import type { Handlers } from "../http/index.ts";
import { buildpacks } from "./store.ts";

export function buildpackHandlers({
  db,
}: {
  readonly db: Kysely<Database>;
}): Handlers<"listBuildpacks" | "getBuildpack"> {
  return {
    listBuildpacks: ({ caller: { tenantId }, query: { name, ...page } }) =>
      buildpacks.list(db, { tenantId, page, where: { name } }),
    getBuildpack: ({ caller, params: { buildpackId } }) =>
      buildpacks.get(db, caller.tenantId, { columns: { id: buildpackId }, label: buildpackId }),
  };
}
