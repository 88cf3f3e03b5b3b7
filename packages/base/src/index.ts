export { type Base, type BaseOptions, type BaseService, createBase } from "./base.ts";
export { type SharedLibraries, type SharedLibrary, shareLibraries } from "./inline/require.ts";
export type {
  BusinessContext,
  Component,
  ModuleContext,
  ModuleExports,
  ModuleOffer,
  RequestHandler,
  Service,
  Snippet,
  UpgradeHandler,
} from "./module-api.ts";
