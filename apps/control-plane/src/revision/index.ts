export {
  listRevisions,
  type NewRevision,
  putRevision,
  readRevisions,
  revisionsOf,
} from "./store.ts";
