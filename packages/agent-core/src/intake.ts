import type { AgentOrder, Command } from "@evenkeel/contracts/agent-protocol";
import type { CommandId } from "@evenkeel/contracts/id";

/** Orders that are gathered at most; then they are obeyed at once. */
const GATHERED_LIMIT = 100;

/** Orders of which many may come in one turn of the event loop. */
export interface Gathered {
  readonly commands: readonly Command[];
  readonly acknowledged: readonly CommandId[];
}

/** Gathers commands and acknowledgements until this turn of the event loop is over. */
export class Intake {
  readonly #obey: (gathered: Gathered) => void;
  #commands: Command[] = [];
  #acknowledged: CommandId[] = [];
  #soon: NodeJS.Immediate | null = null;

  constructor(obey: (gathered: Gathered) => void) {
    this.#obey = obey;
  }

  add(order: Extract<AgentOrder, { kind: "command" | "acknowledge" }>): void {
    if (order.kind === "command") this.#commands.push(order.command);
    else this.#acknowledged.push(order.commandId);
    if (this.#commands.length + this.#acknowledged.length >= GATHERED_LIMIT) this.obeyNow();
    else this.#soon ??= setImmediate(() => this.obeyNow());
  }

  /** Before anything that must not come before them. */
  obeyNow(): void {
    if (this.#soon === null) return;
    clearImmediate(this.#soon);
    this.#soon = null;
    const gathered = { commands: this.#commands, acknowledged: this.#acknowledged };
    this.#commands = [];
    this.#acknowledged = [];
    this.#obey(gathered);
  }
}
