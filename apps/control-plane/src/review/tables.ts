import type { ChangeId, ReviewId, TenantId } from "@evenkeel/contracts/id";
import type { Generated } from "kysely";

interface ReviewTable {
  id: ReviewId;
  tenant_id: TenantId;
  change_id: ChangeId;
  started_by: string;
  started_at: Generated<string>;
  reason: string;
  waived: string[];
  reviewed_by: string | null;
  reviewed_at: string | null;
  note: string | null;
}

export interface ReviewTables {
  review: ReviewTable;
}
