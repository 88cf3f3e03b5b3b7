import type { Handler } from "../command.ts";

/** Takes away a staged revision, unless something runs it or may come back to it. */
export const unstageRevision: Handler<"unstage-revision"> = async ({ revisions, retention }, { input }) => {
  const { serviceId, revisionId } = input;
  if (await retention.isNeeded(serviceId, revisionId)) return { facts: { removed: false } };
  await revisions.remove(serviceId, revisionId);
  return { facts: { removed: true } };
};
