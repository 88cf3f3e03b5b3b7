/**
 * Invariants:
 * 1. A change is worked on by the replica that its row names, while its `lease_until` and the replica's own are ahead of the database's clock.
 * 2. Each claim draws the next token of the installation; commands carry it, receivers refuse lower ones.
 * 3. Whoever finds his lease gone falls silent: `holdChange` throws LeaseLost before anything is read or written.
 */
import type { ChangeId, ReplicaId } from "@evenkeel/contracts/id";
import { LeaseLost } from "@evenkeel/kit/lease";
import { type Kysely, sql, type Transaction } from "kysely";
import type { Database } from "../../database.ts";
import { NOT_STARTED, WORKED_STATES } from "../state.ts";
import { NOW } from "./change.ts";
import { MOVING } from "./known-plan.ts";
import type { ChangeRow } from "./snapshot.ts";

const TTL = sql<string>`clock_timestamp() + interval '5 seconds'`;

export interface Claim {
  readonly changeId: ChangeId;
  readonly token: number;
}

/** Claims what nobody works on: everything that has work, or one change that somebody asked to look at. */
export async function claimChanges(db: Kysely<Database>, owner: ReplicaId, only?: ChangeId): Promise<Claim[]> {
  const free = db
    .selectFrom("change")
    .select("id")
    .where("finished_at", "is", null)
    .where((eb) =>
      eb.or([
        eb("lease_owner", "is", null),
        eb("lease_until", "<", NOW),
        // Whoever is dead works on nothing, whatever time its claim has left; the new token fences it in any case.
        eb.not(
          eb.exists(
            eb
              .selectFrom("replica")
              .select("replica.id")
              .whereRef("replica.id", "=", "change.lease_owner")
              .where("replica.lease_until", ">", NOW),
          ),
        ),
      ]),
    )
    .$if(only === undefined, (query) =>
      query.where((eb) =>
        eb.or([
          eb("state", "in", [...WORKED_STATES]),
          // The time to start ran out.
          eb.and([eb("state", "in", [...NOT_STARTED]), eb("expires_at", "<=", NOW)]),
        ]),
      ),
    )
    .$if(only !== undefined, (query) => query.where("id", "=", only as ChangeId))
    .forUpdate()
    .skipLocked()
    .limit(200);
  const rows = await db
    .updateTable("change")
    .set({ lease_owner: owner, lease_token: sql<number>`nextval('fence_token')`, lease_until: TTL })
    .where("id", "in", free)
    .returning(["id", "lease_token"])
    .execute();
  return rows.map((row) => ({ changeId: row.id, token: row.lease_token }));
}

/** Renews all leases of a replica; answers with the changes that it still holds. */
export async function renewClaims(db: Kysely<Database>, owner: ReplicaId): Promise<Claim[]> {
  const rows = await db
    .updateTable("change")
    .set({ lease_until: TTL })
    .where("lease_owner", "=", owner)
    .where("lease_until", ">", NOW)
    .returning(["id", "lease_token"])
    .execute();
  return rows.map((row) => ({ changeId: row.id, token: row.lease_token }));
}

/** What a worker keeps of a change from one look to the next. */
export type KeptPlan = Pick<ChangeRow, "plan_digest" | "plan" | "spec">;

/** The change's row under lock, only for the worker whose lease lives; its plan is read only where it is another one. */
export async function holdChange(
  tx: Transaction<Database>,
  owner: ReplicaId,
  { claim, kept }: { readonly claim: Claim; readonly kept: KeptPlan | null },
): Promise<ChangeRow> {
  const row = await tx
    .selectFrom("change")
    .select(MOVING)
    .where("id", "=", claim.changeId)
    .where("lease_owner", "=", owner)
    .where("lease_token", "=", claim.token)
    .where("lease_until", ">", NOW)
    .forUpdate()
    .executeTakeFirst();
  if (row === undefined) throw new LeaseLost(`change ${claim.changeId} is no longer ours`);
  if (kept?.plan_digest === row.plan_digest) return { ...row, plan: kept.plan, spec: kept.spec };
  const large = tx.selectFrom("change").select(["plan", "spec"]).where("id", "=", row.id);
  return { ...row, ...(await large.executeTakeFirstOrThrow()) };
}

/** Gives a change back that has nothing to do until somebody asks. */
export async function releaseClaim(tx: Kysely<Database>, claim: Claim): Promise<void> {
  await tx
    .updateTable("change")
    .set({ lease_owner: null, lease_until: null })
    .where("id", "=", claim.changeId)
    .where("lease_token", "=", claim.token)
    .execute();
}

/** Gives back everything that a replica works on: others need not wait for the end of its leases. */
export async function releaseAllClaims(db: Kysely<Database>, owner: ReplicaId): Promise<void> {
  await db
    .updateTable("change")
    .set({ lease_owner: null, lease_until: null })
    .where("lease_owner", "=", owner)
    .execute();
}
