import type { TenantId, TokenId } from "@evenkeel/contracts/id";

/** `digest` is of the link's secret, which is stored nowhere. */
interface LoginLinkTable {
  digest: string;
  tenant_id: TenantId;
  /** The token that it was made with: the session may what this one may. */
  token_id: TokenId;
  expires_at: string;
  used_at: string | null;
}

export interface SessionTables {
  login_link: LoginLinkTable;
}
