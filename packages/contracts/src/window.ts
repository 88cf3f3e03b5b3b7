import { z } from "zod";
import { ChangeScope } from "./change-scope.ts";
import { endpoint, page, pageQuery } from "./endpoint.ts";
import { Moment, Name } from "./id.ts";

const LOCAL_TIME = /^20\d{2}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])T([01]\d|2[0-3]):[0-5]\d$/;
const PART =
  /^(INTERVAL=[1-9]\d{0,2}|COUNT=[1-9]\d{0,4}|UNTIL=\d{8}(T\d{6}Z?)?|WKST=(MO|TU|WE|TH|FR|SA|SU)|BY(DAY|MONTHDAY|MONTH|SETPOS|YEARDAY|WEEKNO)=[0-9A-Z,+-]+)$/;
const FREQUENCY = /^FREQ=(DAILY|WEEKLY|MONTHLY|YEARLY)$/;

function isRecurrence(text: string): boolean {
  const parts = text.split(";");
  return (
    parts.filter((part) => FREQUENCY.test(part)).length === 1 &&
    parts.every((part) => FREQUENCY.test(part) || PART.test(part)) &&
    new Set(parts.map((part) => part.split("=")[0])).size === parts.length
  );
}

function isTimeZone(timeZone: string): boolean {
  try {
    return new Intl.DateTimeFormat("en", { timeZone }).format(0) !== "";
  } catch {
    return false;
  }
}

/** A moment on a wall clock: `2026-12-24T18:00`; which instant it is, its time zone says. */
export const LocalTime = z
  .string()
  .regex(LOCAL_TIME, "a date and time as 2026-12-24T18:00")
  .refine((text) => new Date(`${text}Z`).toJSON()?.slice(0, 16) === text, "no such day");

/** Of RFC 5545: one FREQ of days, weeks, months or years, and what narrows it. */
export const Recurrence = z
  .string()
  .max(200)
  .refine(isRecurrence, "an RRULE of RFC 5545, FREQ=DAILY, WEEKLY, MONTHLY or YEARLY, e.g. FREQ=WEEKLY;BYDAY=FR");

const LONGEST_MS = 366 * 86_400_000;
const lengthMs = ({ start, end }: { start: string; end: string }) => Date.parse(`${end}Z`) - Date.parse(`${start}Z`);

/** `freeze` and `peak`: no change begins inside. `change`: where any applies, changes begin only inside one. */
export const WindowKind = z.enum(["freeze", "peak", "change"]);
export type WindowKind = z.infer<typeof WindowKind>;

/** `start` and `end` are the first time; with a `recurrence` it comes again with the same times on the wall clock. */
export const SetWindow = z
  .strictObject({
    kind: WindowKind,
    scope: ChangeScope.prefault({}),
    timeZone: z.string().max(60).refine(isTimeZone, "no such time zone; e.g. Europe/Berlin"),
    start: LocalTime,
    end: LocalTime,
    recurrence: Recurrence.nullable().default(null),
    reason: z.string().max(1000).default(""),
  })
  .refine((window) => lengthMs(window) > 0, { path: ["end"], message: "must lie after start" })
  .refine((window) => lengthMs(window) <= LONGEST_MS, { path: ["end"], message: "at most 366 days after start" });
export type SetWindow = z.infer<typeof SetWindow>;

export const Window = z.strictObject({
  name: Name,
  ...SetWindow.shape,
  version: z.int(),
  createdAt: Moment,
  /** Its time is now. */
  inside: z.boolean(),
  /** When that changes; null = not within 400 days. */
  turnsAt: Moment.nullable(),
});
export type Window = z.infer<typeof Window>;

const byWindow = z.strictObject({ window: Name });

export const windowEndpoints = {
  listWindows: endpoint("GET", "/windows", { needs: "window:read", query: pageQuery, reply: page(Window) }),
  getWindow: endpoint("GET", "/windows/{window}", { needs: "window:read", params: byWindow, reply: Window }),
  /** Makes it, or replaces the one of this name. */
  setWindow: endpoint("PUT", "/windows/{window}", {
    needs: "window:update",
    params: byWindow,
    body: SetWindow,
    reply: Window,
  }),
  removeWindow: endpoint("DELETE", "/windows/{window}", { needs: "window:delete", params: byWindow, status: 204 }),
};
