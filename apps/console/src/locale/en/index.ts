import { certificate } from "./certificate.ts";
import { change } from "./change.ts";
import { home } from "./home.ts";
import { list } from "./list.ts";
import { module } from "./module.ts";
import { operate } from "./operate.ts";
import { release } from "./release.ts";
import { scaling } from "./scaling.ts";
import { shell } from "./shell.ts";
import { split } from "./split.ts";
import { topology } from "./topology.ts";
import { traffic } from "./traffic.ts";

export const en = {
  ...shell,
  ...home,
  ...change,
  ...release,
  ...list,
  ...module,
  ...operate,
  ...topology,
  ...traffic,
  ...certificate,
  ...split,
  ...scaling,
} as const;
