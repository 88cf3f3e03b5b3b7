/** What HAProxy has counted for one server or one backend since it started. */
export interface Counts {
  readonly backend: string;
  /** `BACKEND` for the backend as a whole. */
  readonly server: string;
  /** Requests and connections on it now. */
  readonly current: number;
  /** Open connections to a server that may be shared, those without a request too. */
  readonly connections: number;
  readonly status2xx: number;
  readonly status3xx: number;
  readonly status4xx: number;
  readonly status5xx: number;
  readonly other: number;
  /** Requests that ended without a connection. */
  readonly unconnected: number;
  /** Requests whose answer failed, those cut included. */
  readonly failed: number;
  readonly cut: number;
  readonly clientAborts: number;
  readonly retries: number;
  /** Requests answered because there was nobody. */
  readonly denied: number;
}

type Numbers = Omit<Counts, "backend" | "server">;

const COLUMNS: Readonly<Record<keyof Numbers, readonly string[]>> = {
  current: ["scur"],
  connections: ["used_conn_cur", "srv_icur"],
  status2xx: ["hrsp_2xx"],
  status3xx: ["hrsp_3xx"],
  status4xx: ["hrsp_4xx"],
  status5xx: ["hrsp_5xx"],
  other: ["hrsp_1xx", "hrsp_other"],
  unconnected: ["econ"],
  failed: ["eresp"],
  cut: ["srv_abrt"],
  clientAborts: ["cli_abrt"],
  // One that was sent again to the same server counts twice there.
  retries: ["wretr", "wredis"],
  denied: ["dreq"],
};
const NAMES = Object.keys(COLUMNS) as (keyof Numbers)[];

/** Reads the answer to `show stat`. */
export function readCounts(text: string): Counts[] {
  const [head = "", ...lines] = text.split("\n");
  const columns = head.replace(/^# /, "").split(",");
  const at = Object.fromEntries(columns.map((name, index) => [name, index]));
  return lines.flatMap((line) => {
    const fields = line.split(",");
    const [backend = "", server = ""] = fields;
    if (fields.length < columns.length) return [];
    const sum = (names: readonly string[]): number =>
      names.reduce((total, name) => total + Number(fields[at[name] ?? -1] ?? 0), 0);
    const numbers = Object.fromEntries(NAMES.map((name) => [name, sum(COLUMNS[name])])) as unknown as Numbers;
    return [{ backend, server, ...numbers }];
  });
}

const PRESENT: readonly (keyof Numbers)[] = ["current", "connections"];

/** What was counted since `before`; what there is now is no count and stays. */
export function since(now: Counts, before: Counts | undefined): Counts {
  if (before === undefined) return now;
  const numbers = Object.fromEntries(
    NAMES.map((name) => [name, PRESENT.includes(name) ? now[name] : Math.max(0, now[name] - before[name])]),
  ) as unknown as Numbers;
  return { backend: now.backend, server: now.server, ...numbers };
}
