import { describe, expect, test } from "vitest";
import { recurrenceProblem, spansOf } from "./occurrence.ts";
import { type NamedWindow, shutAt, timeOf } from "./shut.ts";

const at = (text: string) => Date.parse(text);
const shown = (spans: readonly { from: number; to: number }[]) =>
  spans.map(
    ({ from, to }) => `${new Date(from).toISOString().slice(0, 16)} ${new Date(to).toISOString().slice(0, 16)}`,
  );

const nightly = {
  timeZone: "Europe/Berlin",
  start: "2026-01-01T22:00",
  end: "2026-01-02T06:00",
  recurrence: "FREQ=DAILY",
};

describe("the times of a window", () => {
  test.each([
    ["in winter", "2026-01-10T12:00Z", "2026-01-10T21:00 2026-01-11T05:00"],
    [
      "in summer an hour earlier in UTC, the same on the wall",
      "2026-07-10T12:00Z",
      "2026-07-10T20:00 2026-07-11T04:00",
    ],
    ["over the night that is an hour short", "2026-03-28T12:00Z", "2026-03-28T21:00 2026-03-29T04:00"],
    ["over the night that is an hour long", "2026-10-24T12:00Z", "2026-10-24T20:00 2026-10-25T05:00"],
  ])("%s", (_, from, expected) => {
    expect(shown(spansOf(nightly, at(from), at(from) + 18 * 3_600_000))).toEqual([expected]);
  });

  test("a time that does not exist on the night of the change is not lost, one that exists twice counts both times", () => {
    const hour = { ...nightly, start: "2026-01-01T02:15", end: "2026-01-01T02:45" };
    expect(shown(spansOf(hour, at("2026-03-29T00:00Z"), at("2026-03-29T12:00Z")))).toEqual([
      "2026-03-29T00:15 2026-03-29T01:45",
    ]);
    expect(shown(spansOf(hour, at("2026-10-25T00:00Z"), at("2026-10-25T12:00Z")))).toEqual([
      "2026-10-25T00:15 2026-10-25T01:45",
    ]);
  });

  const DAYS: readonly { name: string; start: string; recurrence: string; from: string; to: string; days: string[] }[] =
    [
      {
        name: "the 29th of February only in leap years",
        ...{ start: "2024-02-29", recurrence: "FREQ=YEARLY", from: "2026-01-01", to: "2033-01-01" },
        days: ["2028-02-29", "2032-02-29"],
      },
      {
        name: "the last Friday of each month",
        ...{ start: "2026-01-30", recurrence: "FREQ=MONTHLY;BYDAY=-1FR", from: "2027-01-01", to: "2027-03-01" },
        days: ["2027-01-29", "2027-02-26"],
      },
      {
        name: "the last day of each month, however long it is",
        ...{ start: "2026-01-31", recurrence: "FREQ=MONTHLY;BYMONTHDAY=-1", from: "2028-02-01", to: "2028-04-01" },
        days: ["2028-02-29", "2028-03-31"],
      },
      {
        name: "some days of the week",
        ...{ start: "2026-01-05", recurrence: "FREQ=WEEKLY;BYDAY=MO,WE", from: "2027-01-01", to: "2027-01-08" },
        days: ["2027-01-04", "2027-01-06"],
      },
      {
        name: "no more often than COUNT",
        ...{ start: "2026-01-01", recurrence: "FREQ=DAILY;COUNT=3", from: "2026-01-02", to: "2027-01-08" },
        days: ["2026-01-02", "2026-01-03"],
      },
      {
        name: "not after UNTIL",
        ...{
          start: "2026-01-01",
          recurrence: "FREQ=DAILY;UNTIL=20270102T000000Z",
          from: "2027-01-01",
          to: "2027-01-08",
        },
        days: ["2027-01-01", "2027-01-02"],
      },
    ];
  test.each(DAYS)("$name", ({ start, recurrence, from, to, days }) => {
    const times = { timeZone: "Asia/Shanghai", start: `${start}T00:00`, end: `${start}T12:00`, recurrence };
    const found = spansOf(times, at(`${from}T00:00+08:00`), at(`${to}T00:00+08:00`) - 1);
    expect(found.map(({ from: begins }) => new Date(begins + 8 * 3_600_000).toISOString().slice(0, 10))).toEqual(days);
  });

  test("a recurrence that nobody can read is named, and a start that is none of its times", () => {
    expect(recurrenceProblem({ ...nightly, recurrence: "FREQ=WEEKLY;BYDAY=XX" })).toMatch(/recurrence: .*XX/);
    // The first of January 2026 was a Thursday.
    expect(recurrenceProblem({ ...nightly, recurrence: "FREQ=WEEKLY;BYDAY=FR" })).toMatch(/start/);
    expect(recurrenceProblem({ ...nightly, recurrence: "FREQ=WEEKLY;BYDAY=TH" })).toBeNull();
    expect(recurrenceProblem({ ...nightly, recurrence: null })).toBeNull();
  });
});

describe("whether a change may begin", () => {
  const window = (name: string, kind: NamedWindow["kind"], more: Partial<NamedWindow> = {}): NamedWindow => ({
    ...nightly,
    scope: {},
    reason: "",
    name,
    kind,
    ...more,
  });
  const daily = (start: string, end: string) => ({
    timeZone: "UTC",
    start: `2026-01-01T${start}`,
    end: `2026-01-01T${end}`,
  });
  const code = (windows: readonly NamedWindow[], moment: string) => {
    const shut = shutAt(windows, at(moment));
    return shut === null
      ? "open"
      : [shut.refusal.refused, shut.opensAt === null ? null : new Date(shut.opensAt).toISOString().slice(0, 16)];
  };

  test("not inside a freeze, from its first minute until its end, and then again", () => {
    const freeze = [window("night", "freeze")];
    expect(code(freeze, "2026-07-10T19:59:59Z")).toBe("open");
    expect(code(freeze, "2026-07-10T20:00:00Z")).toEqual(["CHANGE_FROZEN", "2026-07-11T04:00"]);
    expect(code(freeze, "2026-07-11T03:59:59Z")).toEqual(["CHANGE_FROZEN", "2026-07-11T04:00"]);
    expect(code(freeze, "2026-07-11T04:00:00Z")).toBe("open");
  });

  test("only inside a change window where there is one, and then not in its peak hours", () => {
    const some = [
      window("office", "change", daily("09:00", "17:00")),
      window("noon", "peak", daily("09:00", "13:00")),
      window("weekend", "change", {
        ...daily("00:00", "23:00"),
        start: "2026-01-03T00:00",
        end: "2026-01-04T23:00",
        recurrence: "FREQ=WEEKLY",
      }),
    ];
    expect(code(some, "2026-07-10T14:00Z")).toBe("open");
    expect(code(some, "2026-07-10T12:00Z")).toEqual(["CHANGE_FROZEN", "2026-07-10T13:00"]);
    expect(code(some, "2026-07-09T18:00Z")).toEqual(["CHANGE_WINDOW_CLOSED", "2026-07-10T13:00"]);
    expect(code(some, "2026-07-11T20:00Z")).toBe("open");
  });

  test("freezes that follow each other count as one, and a year of them is for ever", () => {
    const early = window("early", "freeze", daily("00:00", "12:00"));
    const late = window("late", "freeze", { ...daily("12:00", "23:30") });
    expect(code([early, late], "2026-07-10T01:00Z")).toEqual(["CHANGE_FROZEN", "2026-07-10T23:30"]);
    const endless = [
      early,
      window("rest", "freeze", { timeZone: "UTC", start: "2026-01-01T12:00", end: "2026-01-02T00:00" }),
    ];
    expect(code(endless, "2026-07-10T01:00Z")).toEqual(["CHANGE_FROZEN", null]);
  });

  test("a change window that never comes again opens never", () => {
    const once = window("once", "change", { ...daily("00:00", "12:00"), recurrence: null });
    expect(code([once], "2026-07-10T01:00Z")).toEqual(["CHANGE_WINDOW_CLOSED", null]);
  });

  test("a window says whether it is open and when that changes", () => {
    expect(timeOf(nightly, at("2026-07-10T21:00Z"))).toEqual({ inside: true, turnsAt: at("2026-07-11T04:00Z") });
    expect(timeOf(nightly, at("2026-07-11T12:00Z"))).toEqual({ inside: false, turnsAt: at("2026-07-11T20:00Z") });
  });
});
