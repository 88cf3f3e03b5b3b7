import { Argument } from "commander";
import type { AddCommands } from "../context.ts";
import { completionOf } from "./candidates.ts";
import { namesOf } from "./names.ts";
import { COMPLETE, SCRIPTS } from "./script.ts";

export const addCompletionCommands: AddCommands = (program, run) => {
  program
    .command("completion")
    .description("prints what a shell reads to complete commands, options and names")
    .addArgument(new Argument("<shell>", "which one").choices(Object.keys(SCRIPTS)))
    .addHelpText("after", `\n${HOW}`)
    .action(
      run(async ({ io }, shell: keyof typeof SCRIPTS) => {
        io.stdout.write(SCRIPTS[shell]);
      }),
    );
  program
    .command(COMPLETE, { hidden: true })
    .argument("[words...]")
    .action(
      run(async (cli, words: readonly string[]) => {
        const { candidates, names } = completionOf(program, words);
        const asked = { client: () => cli.client(), workspace: workspaceIn(words) };
        const known = names === null ? [] : await namesOf(names, asked);
        const all = [...candidates, ...known.filter(({ word }) => word.startsWith(words.at(-1) ?? ""))];
        for (const { word, does } of all) cli.io.stdout.write(does === "" ? `${word}\n` : `${word}\t${does}\n`);
      }),
    );
};

const HOW = `bash: source <(evenkeel completion bash)    in ~/.bashrc
zsh:  source <(evenkeel completion zsh)     in ~/.zshrc, after compinit
fish: evenkeel completion fish | source     in ~/.config/fish/config.fish`;

function workspaceIn(words: readonly string[]): string | undefined {
  const at = words.findIndex((word) => word === "-w" || word === "--workspace");
  return at < 0 || at + 1 >= words.length - 1 ? undefined : words[at + 1];
}
