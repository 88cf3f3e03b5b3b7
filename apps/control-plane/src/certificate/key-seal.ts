import { PlatformError } from "@evenkeel/contracts/error";
import type { WorkspaceId } from "@evenkeel/contracts/id";
import { openText, type SealedBy, sealText } from "@evenkeel/kit/sealed-text";

/** Which certificate a key belongs to. */
export interface KeyPlace {
  readonly workspaceId: WorkspaceId;
  readonly name: string;
}

/** Seals keys of certificates by the key of the installation. */
export interface KeySeal {
  seal(place: KeyPlace, key: string): string;
  open(place: KeyPlace, sealed: string): string;
}

/** `secret`: null where this control plane was not told one; then nothing is sealed, and nothing opened. */
export function keySeal(secret: string | null): KeySeal {
  const by = ({ workspaceId, name }: KeyPlace): SealedBy => {
    if (secret === null) throw new PlatformError("SECRET_KEY_MISSING", { what: `the certificate ${name}` });
    return { secret, purpose: "certificate", context: `certificate/${workspaceId}/${name}` };
  };
  return {
    seal: (place, key) => sealText(by(place), key),
    open: (place, sealed) => {
      const known = by(place);
      try {
        return openText(known, sealed);
      } catch (error) {
        throw new PlatformError("SECRET_KEY_FOREIGN", { what: `the certificate ${place.name}` }, { cause: error });
      }
    },
  };
}
