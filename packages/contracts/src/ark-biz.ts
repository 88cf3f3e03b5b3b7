/** Where a package of the SOFAArk family says what it is. */
export const JAR_MANIFEST = "META-INF/MANIFEST.MF";

const field = (text: string, name: string): string | undefined =>
  new RegExp(`^${name}:[ ]*(.*)$`, "im").exec(text)?.[1]?.trim();

/** Name and version of a biz by the manifest of its jar; null where it is none. A line that begins with a blank goes on with the one before. */
export function bizNameIn(manifest: string): { readonly name: string; readonly version: string } | null {
  const text = manifest.replaceAll(/\r?\n /g, "");
  const [name, version] = [field(text, "Ark-Biz-Name"), field(text, "Ark-Biz-Version")];
  return name && version ? { name, version } : null;
}
