import { createRequire, isBuiltin } from "node:module";
import type { ModuleManifest } from "@evenkeel/contracts/module";
import { PlatformError } from "@evenkeel/contracts/platform-error";
import satisfies from "semver/functions/satisfies.js";
import { watchBuiltin } from "../owner/patches.ts";

/** A library that the base shares with its modules: they all see the same copy. */
export interface SharedLibrary {
  readonly version: string;
  /** Gets the name that the module asked for: that of the library or of a path below it (`lodash/fp`). */
  readonly load: (specifier: string) => unknown;
  /** A file from which workers find it; without one it is shared with inline modules only. */
  readonly from?: string;
}

export type SharedLibraries = Readonly<Record<string, SharedLibrary>>;

/** Node's own `require`. */
export const requireBuiltin = createRequire(import.meta.url);

/** Libraries by name, as this `require` finds them, with the versions of their package.json. */
export function shareLibraries(require: NodeJS.Require, names: readonly string[]): SharedLibraries {
  return Object.fromEntries(
    names.map((name) => [name, { version: versionOf(require, name), load: require, from: require.resolve(name) }]),
  );
}

function versionOf(require: NodeJS.Require, name: string): string {
  for (const folder of require.resolve.paths(name) ?? []) {
    try {
      const about = requireBuiltin(`${folder}/${name}/package.json`) as { readonly version?: string };
      if (about.version !== undefined) return about.version;
    } catch {
      // The next folder up may have it.
    }
  }
  throw new PlatformError("LIBRARY_ABSENT", { library: name });
}

/** Refuses a module whose libraries the base does not share, or in another version. */
export function checkLibraries(manifest: ModuleManifest, versions: Readonly<Record<string, string>>): void {
  const module = `${manifest.name}@${manifest.version}`;
  for (const [library, range] of Object.entries(manifest.needs.libraries)) {
    const found = versions[library];
    if (found === undefined) throw new PlatformError("DEPENDENCY_MISSING", { module, library, range });
    if (!satisfies(found, range, { includePrerelease: true }))
      throw new PlatformError("DEPENDENCY_CONFLICT", { module, library, range, found });
  }
}

interface RequireOptions {
  readonly manifest: ModuleManifest;
  readonly libraries: SharedLibraries;
  readonly process: NodeJS.Process;
  readonly console: Console;
  /** Its own: what their callbacks run is entered like everything else of it. */
  readonly timers: object;
  /** What stands in the place of a module of Node's, made when it is asked for. */
  readonly hooked?: (name: string) => object | undefined;
}

/** `require` as a module sees it: Node's own modules, and the libraries that it needs of the base; nothing from the disk. */
export function moduleRequire({
  manifest,
  libraries,
  process,
  console,
  timers,
  hooked = () => undefined,
}: RequireOptions): (name: string) => unknown {
  const module = `${manifest.name}@${manifest.version}`;
  const own = new Map<string, unknown>(
    Object.entries({
      process,
      console,
      timers: { ...(requireBuiltin("timers") as object), ...timers },
      // With a require of its own a module would load files into the cache of the base, where they stay for ever.
      module: { createRequire: () => require, isBuiltin, builtinModules: [] },
    }),
  );
  const require = (specifier: string): unknown => {
    const bare = specifier.replace(/^node:/, "");
    const seen = own.get(bare) ?? hooked(bare);
    if (seen !== undefined) {
      own.set(bare, seen);
      return seen;
    }
    if (isBuiltin(specifier)) {
      const exported: unknown = requireBuiltin(specifier);
      watchBuiltin(bare, exported);
      return exported;
    }
    const name = libraryOf(specifier);
    if (!Object.hasOwn(manifest.needs.libraries, name) || !Object.hasOwn(libraries, name))
      throw new PlatformError("DEPENDENCY_UNDECLARED", { module, library: specifier });
    return libraries[name]?.load(specifier);
  };
  return require;
}

/** The library that a specifier belongs to: `@scope/name/path` → `@scope/name`. */
export function libraryOf(specifier: string): string {
  const parts = specifier.split("/");
  return parts.slice(0, specifier.startsWith("@") ? 2 : 1).join("/");
}
