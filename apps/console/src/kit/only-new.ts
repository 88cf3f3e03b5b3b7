import { PlatformError } from "@evenkeel/contracts/error";

/** What is new takes nobody's place: to set what has a name would put it in the place of the one that has it. */
export async function onlyNew(resource: string, read: () => Promise<unknown>): Promise<void> {
  try {
    await read();
  } catch (error) {
    if (error instanceof PlatformError && error.code === "NOT_FOUND") return;
    throw error;
  }
  throw new PlatformError("ALREADY_EXISTS", { resource });
}
