import type { CreateCommandTemplate } from "@evenkeel/contracts/command-template";
import type { CommandTemplateId, Name, TenantId } from "@evenkeel/contracts/id";
import type { Generated } from "kysely";

interface CommandTemplateTable {
  id: CommandTemplateId;
  tenant_id: TenantId;
  name: Name;
  version: number;
  definition: CreateCommandTemplate;
  created_by: string;
  created_at: Generated<string>;
}

export interface CommandTemplateTables {
  command_template: CommandTemplateTable;
}
