import { describe, expect, test } from "vitest";
import { mayBeAsked, type Reply, readAnswer } from "./answer.ts";

const answer = (status: number, body: unknown = "", more: Partial<Reply> = {}) =>
  readAnswer({
    ...{ url: "http://checks.example:8080/release", status, location: null },
    body: typeof body === "string" ? body : JSON.stringify(body),
    ...more,
  });

describe("an external check", () => {
  test("answers at once, by a word or by nothing but success", () => {
    expect(answer(200, { status: "passed", reason: "orders look fine" })).toEqual({
      kind: "passed",
      text: "orders look fine",
    });
    expect(answer(200, { status: "failed", reason: "orders fell by half" }).kind).toBe("failed");
    expect(answer(200).kind).toBe("passed");
    expect(answer(204).kind).toBe("passed");
  });

  test("may take its time, and names where it is asked again", () => {
    expect(answer(202, "", { location: "/jobs/7" })).toMatchObject({
      kind: "pending",
      statusUrl: "http://checks.example:8080/jobs/7",
    });
    expect(answer(200, { status: "pending", statusUrl: "jobs/8" })).toMatchObject({
      statusUrl: "http://checks.example:8080/jobs/8",
    });
    expect(answer(202)).toMatchObject({ kind: "pending", statusUrl: null });
  });

  test("is not believed when it sends us to somebody else", () => {
    for (const location of [
      "http://169.254.169.254/latest",
      "https://checks.example:8080/jobs/7",
      "file:///etc/passwd",
    ])
      expect(answer(202, "", { location }).kind).toBe("none");
  });

  test("that says anything else has not answered: it neither passes nor fails", () => {
    for (const reply of [answer(500), answer(404, { status: "passed" }), answer(302, "", { location: "/" })])
      expect(reply.kind).toBe("none");
    for (const body of ["ok", "{", { status: "fine" }, { passed: true }, "<html>"])
      expect(answer(200, body).kind).toBe("none");
  });
});

test("an operator may say who is asked at all", () => {
  const hosts = ["checks.example", "*.inside.example"];
  expect(mayBeAsked("http://checks.example:8080/a", hosts)).toBe(true);
  expect(mayBeAsked("https://orders.inside.example/", hosts)).toBe(true);
  for (const url of [
    "http://169.254.169.254/",
    "http://inside.example/",
    "http://x-inside.example/",
    "http://localhost/",
  ])
    expect(mayBeAsked(url, hosts)).toBe(false);
  expect(mayBeAsked("http://169.254.169.254/", null)).toBe(true);
});
