/*
 * The scripts hand what was typed to `kvorum __complete`, which answers a line per candidate, `word<TAB>description`,
 * and a last line with a number: 0 lets the shell complete files when nothing was found, 4 does not.
 */

const bash = String.raw`# bash completion for kvorum
_kvorum_complete() {
  local IFS=$'\n' line candidates=() directive=4
  local words=("\${COMP_WORDS[@]:1:COMP_CWORD-1}") current="\${COMP_WORDS[COMP_CWORD]}"
  # An option's "=" is a word of its own here.
  while IFS= read -r line; do
    case "$line" in
      :*) directive="\${line#:}" ;;
      *) candidates+=("\${line%%$'\t'*}") ;;
    esac
  done < <("\${COMP_WORDS[0]}" __complete "\${words[@]}" "$current" 2>/dev/null)
  COMPREPLY=()
  local candidate
  for candidate in "\${candidates[@]}"; do
    [[ "$candidate" == "$current"* ]] && COMPREPLY+=("$candidate")
  done
  [[ "\${COMPREPLY[0]}" == */ && \${#COMPREPLY[@]} -eq 1 ]] && compopt -o nospace
  if [[ \${#COMPREPLY[@]} -eq 0 && "$directive" == 0 ]]; then
    compopt -o default
  fi
}
complete -F _kvorum_complete kvorum
`

const zsh = String.raw`#compdef kvorum
_kvorum() {
  local line directive=4
  local -a candidates
  while IFS= read -r line; do
    case "$line" in
      :*) directive="\${line#:}" ;;
      *) candidates+=("\${\${line%%$'\t'*}//:/\\:}:\${line#*$'\t'}") ;;
    esac
  done < <("\${words[1]}" __complete "\${(@)words[2,CURRENT]}" 2>/dev/null)
  if (( \${#candidates} > 0 )); then
    _describe 'kvorum' candidates
  elif [[ "$directive" == 0 ]]; then
    _files
  fi
}
if [ "$funcstack[1]" = "_kvorum" ]; then
  _kvorum
else
  compdef _kvorum kvorum
fi
`

const fish = String.raw`# fish completion for kvorum
function __kvorum_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    for line in ($words[1] __complete $words[2..-1] "$current" 2>/dev/null)
        if not string match -q ':*' -- $line
            echo $line
        else if test "$line" = ':0'
            __fish_complete_path "$current"
        end
    end
end
complete -c kvorum -f -a '(__kvorum_complete)'
`

const scripts = { bash, zsh, fish } as const

/** What a shell has to read so that it completes `kvorum`. */
export function completionScript(shell: keyof typeof scripts): string {
  // The dollar signs are the shell's.
  return scripts[shell].replaceAll('\\$', '$')
}
