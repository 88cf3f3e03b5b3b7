import type { TenantId } from "@evenkeel/contracts/id";
import type { Generated } from "kysely";

/** The answer of a request that a client may send again. */
interface IdempotencyKeyTable {
  tenant_id: TenantId;
  principal_id: string;
  operation: string;
  key: string;
  request_digest: string;
  answer: unknown;
  created_at: Generated<string>;
}

export interface HttpTables {
  idempotency_key: IdempotencyKeyTable;
}
