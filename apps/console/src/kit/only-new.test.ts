import { PlatformError } from "@evenkeel/contracts/error";
import { expect, test } from "vitest";
import { onlyNew } from "./only-new.ts";

const fails = (error: Error) => () => Promise.reject(error);

test("a name that nobody has is free", async () => {
  await onlyNew("window freeze", fails(new PlatformError("NOT_FOUND", { resource: "window freeze" })));
});

test("who would take the place of another is refused, and so is who cannot know", async () => {
  await expect(onlyNew("window freeze", () => Promise.resolve({}))).rejects.toMatchObject({ code: "ALREADY_EXISTS" });
  const refused = new PlatformError("PERMISSION_MISSING", { permission: "window:read" });
  await expect(onlyNew("window freeze", fails(refused))).rejects.toBe(refused);
});
