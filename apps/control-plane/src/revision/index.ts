export {
  listRevisions,
  type NewRevision,
  putRevision,
  readRevisions,
  removeRevisions,
  revisionsOf,
} from "./store.ts";
