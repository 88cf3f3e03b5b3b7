export { type RevisionContent, revisionDigest } from "./digest.ts";
export {
  findRevision,
  getRevision,
  listRevisions,
  type NewRevision,
  putRevision,
  readRevisions,
} from "./store.ts";
