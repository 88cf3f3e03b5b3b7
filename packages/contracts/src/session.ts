import { z } from "zod";
import { endpoint } from "./endpoint.ts";
import { Moment } from "./id.ts";

/** Where a browser keeps its session: HttpOnly, so that no script can read it. */
export const SESSION_COOKIE = "evenkeel_session";

/** A cookie counts beside this header alone: a page of another origin cannot send it without being allowed to. */
export const CONSOLE_HEADER = "x-evenkeel-console";

/** A login link works once, and for a short time. */
export const CreateLoginLink = z.strictObject({ validSeconds: z.int().min(1).max(3600).default(600) });
export type CreateLoginLink = z.infer<typeof CreateLoginLink>;
export const LoginLink = z.strictObject({ link: z.string(), expiresAt: Moment });
export type LoginLink = z.infer<typeof LoginLink>;

/** By an access token, or by a login link that somebody made with his. */
export const CreateSession = z.union([
  z.strictObject({ token: z.string().min(1).max(500) }),
  z.strictObject({ link: z.string().min(1).max(500) }),
]);
export type CreateSession = z.infer<typeof CreateSession>;

/** What the cookie of this reply may is what the token may that it was made with, and it ends with that one at the latest. */
export const Session = z.strictObject({ principal: z.string(), expiresAt: Moment });
export type Session = z.infer<typeof Session>;

export const sessionEndpoints = {
  createLoginLink: endpoint("POST", "/login-links", {
    needs: "authenticated",
    body: CreateLoginLink,
    reply: LoginLink,
    status: 201,
    idempotent: true,
    secrets: ["link"],
  }),
  /** Sets the cookie. */
  createSession: endpoint("POST", "/sessions", { needs: "public", body: CreateSession, reply: Session, status: 201 }),
  /** Ends the session of the cookie that it is asked with. */
  endSession: endpoint("DELETE", "/sessions/current", { needs: "authenticated", status: 204 }),
};
