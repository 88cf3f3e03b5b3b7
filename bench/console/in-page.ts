// Scripts for the browser's own debugger, which runs them beside the page: the policy of the page lets no others in.

/** Notes each state that a tile has shown, and when: after the frame was painted in which it stood. */
export const WATCH_TILES = `(() => {
  const shown = [];
  let fresh = [];
  const noteTile = (tile) => fresh.push([tile.dataset.target, tile.dataset.state]);
  const afterPaint = (then) => requestAnimationFrame(() => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => then(Date.now());
    port2.postMessage(null);
  });
  const observer = new MutationObserver((records) => {
    const first = fresh.length === 0;
    for (const { type, target, addedNodes } of records) {
      if (type === "attributes") noteTile(target);
      for (const node of addedNodes) if (node.querySelectorAll) node.querySelectorAll("[data-target]").forEach(noteTile);
    }
    if (!first || fresh.length === 0) return;
    afterPaint((at) => {
      for (const [target, state] of fresh) shown.push([target, state, at]);
      fresh = [];
    });
  });
  const board = document.querySelector(".board");
  observer.observe(board, { subtree: true, childList: true, attributes: true, attributeFilter: ["data-state"] });
  globalThis.benchTiles = () => ({ shown, inSight: [...board.querySelectorAll("[data-target]")].map((tile) => tile.dataset.target) });
})()`;

export interface ShownTiles {
  /** Target, state, and milliseconds since 1970. */
  readonly shown: readonly (readonly [string, string, number])[];
  readonly inSight: readonly string[];
}

export const READ_TILES = "globalThis.benchTiles()";

/** Resolves with the milliseconds since the navigation once the page shows what it is for, and nothing keeps it from answering a key. */
export const UNTIL_INTERACTIVE = `new Promise((resolve) => {
  const isThere = () => document.querySelector(".shell h1") !== null && document.querySelector('.skeleton, [aria-busy="true"]') === null;
  const look = () => {
    if (!isThere()) return requestAnimationFrame(look);
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => resolve(performance.now());
    port2.postMessage(null);
  };
  requestAnimationFrame(look);
})`;

/** Bytes of the scripts that came for this page, as they came. */
export const SCRIPT_BYTES = `performance.getEntriesByType("resource")
  .filter(({ name, initiatorType }) => new URL(name).pathname.endsWith(".js") && initiatorType !== "fetch")
  .reduce((sum, { encodedBodySize }) => sum + encodedBodySize, 0)`;
