/** What a shell asks on each press of the key: the words up to the cursor; it answers lines of word, tab, what it does. */
export const COMPLETE = "complete";

const bash = `# Completion of evenkeel for bash: source <(evenkeel completion bash)
_evenkeel() {
  local IFS=$'\\n'
  COMPREPLY=($("\${COMP_WORDS[0]}" ${COMPLETE} -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null | cut -f1))
}
complete -o default -F _evenkeel evenkeel
`;

const zsh = `#compdef evenkeel
# Completion of evenkeel for zsh: source <(evenkeel completion zsh)
_evenkeel() {
  local -a found
  local word does
  while IFS=$'\\t' read -r word does; do
    found+=("\${word//:/\\\\:}:$does")
  done < <("\${words[1]}" ${COMPLETE} -- "\${(@)words[2,$CURRENT]}" 2>/dev/null)
  if (( $#found )); then _describe evenkeel found; else _files; fi
}
compdef _evenkeel evenkeel
`;

const fish = `# Completion of evenkeel for fish: evenkeel completion fish | source
function __evenkeel_complete
  set -l words (commandline -opc) (commandline -ct)
  $words[1] ${COMPLETE} -- $words[2..-1] 2>/dev/null
end
complete -c evenkeel -f -n 'test (count (__evenkeel_complete)) -gt 0' -a '(__evenkeel_complete)'
complete -c evenkeel -F -n 'test (count (__evenkeel_complete)) -eq 0'
`;

/** What each shell has to read once. */
export const SCRIPTS = { bash, zsh, fish } as const;
