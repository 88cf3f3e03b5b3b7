import type { PrincipalId, TenantId, TokenId } from "@evenkeel/contracts/id";
import type { Principal, Token } from "@evenkeel/contracts/principal";
import type { Generated } from "kysely";

interface PrincipalTable {
  id: PrincipalId;
  tenant_id: TenantId;
  name: string;
  kind: Principal["kind"];
  created_at: Generated<string>;
}

/** `digest` is of the secret, which is stored nowhere. */
interface TokenTable {
  id: TokenId;
  tenant_id: TenantId;
  principal_id: PrincipalId;
  digest: string;
  kind: Generated<Token["kind"]>;
  /** Of a session: the token that it was opened with, and is revoked with. */
  session_of: TokenId | null;
  may: string[];
  expires_at: string | null;
  revoked_at: string | null;
  created_at: Generated<string>;
}

export interface PrincipalTables {
  principal: PrincipalTable;
  token: TokenTable;
}
