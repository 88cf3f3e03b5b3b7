export { openObjectFolder } from "./folder.ts";
export type { ByteRange, ObjectStore, Piece } from "./object-store.ts";
