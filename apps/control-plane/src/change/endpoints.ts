import type { VERB_BODIES } from "@evenkeel/contracts/change";
import { PlatformError } from "@evenkeel/contracts/error";
import type { ChangeId } from "@evenkeel/contracts/id";
import { mayDo } from "@evenkeel/contracts/principal";
import { type Handlers, pageStart, type RequestOf, toPage } from "../http/index.ts";
import { readBlockers } from "./blocker.ts";
import type { ChangeDeps } from "./deps.ts";
import { permitted, permittedSummary, permittedTarget } from "./permitted.ts";
import { readChange, readChangeIn, readSummaries, readTargets } from "./read.ts";
import { sequenceOf } from "./store/change.ts";
import { outputOf } from "./store/event.ts";
import { findChange } from "./store/known-plan.ts";
import { listChanges } from "./store/list.ts";
import { holderOf, listLocks } from "./store/lock.ts";
import { approve, reject } from "./verbs/approval.ts";
import { type Ask, mustMay } from "./verbs/context.ts";
import { declareLost, retry, skip } from "./verbs/mend.ts";
import { createChange, dryRun, replan } from "./verbs/plan.ts";
import { previewRollback, rollback } from "./verbs/rollback.ts";
import { start } from "./verbs/start.ts";
import { cancel, close, confirm, pause, resume } from "./verbs/steer.ts";
import { watchChange } from "./watch.ts";
import { watchTree } from "./watch-tree.ts";

/** The HTTP side of the kernel. */
export function changeHandlers(deps: ChangeDeps): Handlers<Making | Reading | Verbs | "takeLockOver"> {
  return { ...makingHandlers(deps), ...readingHandlers(deps), ...verbHandlers(deps), ...takeOverHandlers(deps) };
}

type Making = "planChange" | "planRollback" | "createChange";

function makingHandlers(deps: ChangeDeps): Handlers<Making> {
  return {
    planChange: async ({ body, caller }) => {
      const { plan, digest } = await dryRun(deps, caller.tenantId, body);
      return { plan, digest };
    },
    planRollback: async ({ params: { changeId }, body, caller }) => {
      const { tenantId, principalName: by } = caller;
      const may = (permission: string) => mayDo(caller.may, permission);
      return await previewRollback(deps, { tenantId, changeId, by, may }, body);
    },
    createChange: async (request) => {
      const { caller, body } = request;
      const { tenantId, principalName: by } = caller;
      const may = (permission: string) => mayDo(caller.may, permission);
      if (body.start !== undefined) mustMay({ may, by }, "change:start");
      return await request.effect(async (tx) => {
        const id = await createChange(deps, tx, { tenantId, by, body });
        request.audit.resource = `change/${id}`;
        if (body.start !== undefined) {
          request.audit.details = { start: body.start };
          await start(deps, { tenantId, changeId: id, by, may, tx }, body.start);
        }
        return permitted(await readChangeIn(tx, { tenantId, changeId: id }), caller);
      });
    },
  };
}

type Reading =
  | "listChanges"
  | "getChange"
  | "listChangeTargets"
  | "getPlan"
  | "watchChange"
  | "watchChangeTree"
  | "listOutput"
  | "listLocks"
  | "listBlockers";

function readingHandlers(deps: ChangeDeps): Handlers<Reading> {
  const { db } = deps;
  return {
    listChanges: async ({ query, caller }) => {
      const { workspace, service, host, state, kind } = query;
      const { tenantId } = caller;
      const rows = await listChanges(db, { tenantId, workspace, service, host, state, kind, ...pageStart(query) });
      return toPage(await readSummaries(db, rows), query, {
        show: (change) => permittedSummary(change, caller),
        keyOf: ({ id }) => id,
      });
    },
    getChange: async ({ params: { changeId }, query, caller }) => {
      const which = { tenantId: caller.tenantId, changeId, atMost: query.targets };
      return permitted(await readChange(db, which), caller);
    },
    listChangeTargets: async ({ params: { changeId }, query, caller }) => {
      const { batch, state } = query;
      const { tenantId } = caller;
      const rows = await readTargets(db, { tenantId, changeId, batch, state, ...pageStart(query) });
      return toPage(rows, query, {
        show: ({ place: _, ...target }) => permittedTarget(target, caller),
        keyOf: ({ place }) => String(place),
      });
    },
    getPlan: async ({ params, caller }) => {
      const { plan, plan_digest: digest } = await findChange(db, caller.tenantId, params.changeId);
      return { plan, digest };
    },
    watchChange: async ({ params, caller, headers, signal }) => {
      const after = lastEventOf(headers["last-event-id"]);
      const sequence = await sequenceOf(db, caller.tenantId, params.changeId);
      const { changeId } = params;
      // Who claims to have more than there is waits for what comes next, like every other watcher.
      return watchChange(deps, { tenantId: caller.tenantId, changeId, after: Math.min(after, sequence), signal });
    },
    watchChangeTree: async ({ params: { changeId }, caller, headers, signal }) => {
      const after = lastEventOf(headers["last-event-id"]);
      await sequenceOf(db, caller.tenantId, changeId);
      return watchTree(deps, { caller, changeId, after, signal });
    },
    listOutput: async ({ params: { changeId, stepId }, query, caller }) => {
      await sequenceOf(db, caller.tenantId, changeId);
      const rows = await outputOf(db, { changeId, stepId, ...pageStart(query) });
      return toPage(rows, query, { show: (row) => row, keyOf: ({ sequence }) => String(sequence) });
    },
    listBlockers: async ({ params, caller }) => ({ items: await readBlockers(deps, caller, params.changeId) }),
    listLocks: async ({ query, caller }) => {
      const { resource } = query;
      const rows = await listLocks(db, { tenantId: caller.tenantId, resource, ...pageStart(query) });
      return toPage(rows, query, { show: (row) => row, keyOf: (row) => `${row.resource}@${row.changeId}` });
    },
  };
}

function lastEventOf(header: string | string[] | undefined): number {
  if (header === undefined) return 0;
  if (typeof header === "string" && /^\d{1,15}$/.test(header)) return Number(header);
  throw new PlatformError("INPUT_INVALID", {
    field: "Last-Event-ID",
    problem: "Last-Event-ID: the id of the last event that was seen, a number",
  });
}

type Verbs =
  `${"start" | "replan" | "approve" | "reject" | "pause" | "resume" | "confirm" | "retry" | "skip" | "declareLost" | "cancel" | "rollback" | "close"}Change`;

type VerbRequest<Body> = Pick<RequestOf<Verbs>, "params" | "caller" | "effect" | "audit"> & { readonly body: Body };

type Parsed<Action extends keyof typeof VERB_BODIES> = (typeof VERB_BODIES)[Action]["_output"];

function verbHandlers(deps: ChangeDeps): Handlers<Verbs> {
  /** Runs a verb and shows the change that it answers with; its effect, its audit entry and its answer are one transaction. */
  const answering =
    <Body extends Record<string, unknown>>(run: (ask: Ask, body: Body) => Promise<ChangeId>) =>
    async ({ params: { changeId }, caller, body, effect, audit }: VerbRequest<Body>) => {
      const { tenantId, principalName: by } = caller;
      audit.details = { ...body };
      return await effect(async (tx) => {
        const may = (permission: string) => mayDo(caller.may, permission);
        const shown = await run({ tenantId, changeId, by, may, tx }, body);
        return permitted(await readChangeIn(tx, { tenantId, changeId: shown }), caller);
      });
    };
  const verb = <Body extends Record<string, unknown>>(run: (ask: Ask, body: Body) => Promise<unknown>) =>
    answering<Body>(async (ask, body) => {
      await run(ask, body);
      return ask.changeId;
    });
  return {
    startChange: verb(async (ask, body: Parsed<"start">) => await start(deps, ask, body)),
    replanChange: verb(async (ask, body: Parsed<"replan">) => await replan(deps, ask, body)),
    approveChange: verb(async (ask, body: Parsed<"approve">) => await approve(deps, ask, body)),
    rejectChange: verb(async (ask, body: Parsed<"reject">) => await reject(deps, ask, body)),
    pauseChange: verb(async (ask, body: Parsed<"pause">) => await pause(deps, ask, body)),
    resumeChange: verb(async (ask) => await resume(deps, ask)),
    confirmChange: verb(async (ask, body: Parsed<"confirm">) => await confirm(deps, ask, body)),
    retryChange: verb(async (ask, body: Parsed<"retry">) => await retry(deps, ask, body)),
    skipChange: verb(async (ask, body: Parsed<"skip">) => await skip(deps, ask, body)),
    declareLostChange: verb(async (ask, body: Parsed<"declare-lost">) => await declareLost(deps, ask, body)),
    cancelChange: verb(async (ask) => await cancel(deps, ask)),
    rollbackChange: answering(async (ask, body: Parsed<"rollback">) => await rollback(deps, ask, body)),
    closeChange: verb(async (ask, body: Parsed<"close">) => await close(deps, ask, body)),
  };
}

function takeOverHandlers(deps: ChangeDeps): Handlers<"takeLockOver"> {
  return {
    takeLockOver: async ({ caller, body, effect, audit }) => {
      const { tenantId, principalName: by } = caller;
      const { resource, reason } = body;
      return await effect(async (tx) => {
        const changeId = await holderOf(tx, { tenantId, resource, changeId: body.changeId });
        audit.resource = `change/${changeId}`;
        audit.details = { resource, reason };
        // Who may take locks over needs no other permission for it.
        await close(deps, { tenantId, changeId, by, may: () => true, tx }, { reason });
        return permitted(await readChangeIn(tx, { tenantId, changeId }), caller);
      });
    },
  };
}
