import { z } from "zod";
import { Name } from "./id.ts";

const listOf = <Item extends z.ZodType>(item: Item) => z.array(item).min(1).max(100);

/** Which changes a rule is about; a field that is left out means any. Application and level are of one and the same application. */
export const ChangeScope = z.strictObject({
  workspaces: listOf(Name).optional(),
  applications: listOf(Name).optional(),
  levels: listOf(z.int().min(1).max(5)).optional(),
  kinds: listOf(z.string().max(60)).optional(),
});
export type ChangeScope = z.infer<typeof ChangeScope>;
