import type { Handler } from "../command.ts";

/** Brings objects from the control plane. */
export const fetchPackage: Handler<"fetch-package"> = async ({ objects: store }, { input, context }) => {
  let bytes = 0;
  let wireBytes = 0;
  for (const object of input.objects) {
    wireBytes += await store.fetch(object, context.signal);
    bytes += object.sizeBytes;
  }
  return { facts: { bytes, wireBytes } };
};
