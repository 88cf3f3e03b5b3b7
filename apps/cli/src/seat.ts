import { constants } from "node:os";
import type { Cli } from "./context.ts";

/** Before the terminal, while a picture is drawn on it. */
export interface Seat {
  /** Whoever sat here has left, by Ctrl-C or by a signal. */
  readonly left: AbortSignal;
  /** With what a command ends whose user has left. */
  code(): number;
  /** Gives the terminal back as it was. */
  release(): void;
}

type Leaving = "SIGINT" | "SIGTERM";
const CTRL_C = 3;
const CTRL_Z = 26;

// 1. However the command ends that can be ended politely, the cursor is seen again and keys are echoed.
// 2. A second Ctrl-C ends it at once: the signal is heard once, and keys make signals again as soon as one has left.
// 3. Keys are not echoed into the picture: an Enter would push it up, and its old head would stay behind. Their signals are made here then.

/** Takes the terminal until `release`. */
export function takeSeat(cli: Cli): Seat {
  const leaving = new AbortController();
  let by: Leaving = "SIGINT";
  const leave = (signal: Leaving) => {
    by = signal;
    keys.give();
    leaving.abort();
  };
  const heard = { SIGINT: () => leave("SIGINT"), SIGTERM: () => leave("SIGTERM") };
  const suspend = () => {
    keys.give();
    cli.screen.close();
    process.once("SIGCONT", keys.take);
    // The whole group, as the terminal does it: a shell's script is stopped with its command.
    process.kill(0, "SIGTSTP");
  };
  const keys = keysOf(cli, { [CTRL_C]: heard.SIGINT, [CTRL_Z]: suspend });
  process.once("SIGINT", heard.SIGINT).once("SIGTERM", heard.SIGTERM);
  keys.take();
  return {
    left: leaving.signal,
    code: () => 128 + constants.signals[by],
    release: () => {
      process.off("SIGINT", heard.SIGINT).off("SIGTERM", heard.SIGTERM).off("SIGCONT", keys.take);
      keys.give();
      cli.screen.close();
    },
  };
}

function keysOf(cli: Cli, means: Readonly<Record<number, () => void>>) {
  const { stdin } = process;
  const there = cli.io.interactive && cli.screen.live && !cli.json && stdin.isTTY === true;
  const hear = (bytes: Buffer) => {
    for (const byte of bytes) means[byte]?.();
  };
  let taken = false;
  return {
    take: () => {
      if (!there || taken) return;
      taken = true;
      stdin.setRawMode(true).on("data", hear).resume();
    },
    give: () => {
      if (!taken) return;
      taken = false;
      stdin.off("data", hear).pause().setRawMode(false);
    },
  };
}
