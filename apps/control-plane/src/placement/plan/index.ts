export { basesNamed, byLoad, chooseBases } from "./choose.ts";
export { circleOf } from "./circle.ts";
export { type Aims, draftOf } from "./draft.ts";
export { misfitOf } from "./fit.ts";
export { type Move, splitStep } from "./move.ts";
export { placedAlso, placementsBefore, type SettledCluster, settleStep } from "./settle.ts";
export { asPlaced, standing, type Wishes } from "./steps.ts";
export { type BaseAim, type Before, baseLocks, moduleLock, splitLock } from "./target.ts";
export { answers, basesIn, bundleOf, clusterNamed, keysIn, keysOf, type PlacementWorld, placementOf } from "./world.ts";
