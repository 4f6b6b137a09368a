/**
 * `reeve completion SHELL`: a script that completes commands, options, their values and files. Made of the option table, so
 * that it never offers what this version does not know; it never runs reeve.
 */
import {
  COMPLETED_COMMANDS,
  type CompletedOption,
  completedOptions,
  type Shell,
  SHELLS,
  type ValueKind,
} from "./completion_table.ts";
import { EXIT } from "../shared/exit_code.ts";
import type { Outputs } from "../shared/output.ts";

/** 0; 2 for a shell that it does not know. */
export function completion(word: string | null, outputs: Outputs): number {
  const shell = SHELLS.find((known) => known === word);
  if (shell === undefined) {
    const found = word === null ? "completion needs a shell" : `cannot complete for "${word}"`;
    outputs.err.line(`${found}: wanted bash, zsh or fish`);
    return EXIT.usage;
  }
  outputs.out.write(completionScript(shell));
  return EXIT.ok;
}

export function completionScript(shell: Shell): string {
  const options = completedOptions();
  switch (shell) {
    case "bash":
      return bash(options);
    case "zsh":
      return zsh(options);
    case "fish":
      return fish(options);
  }
}

const COMMAND_WORDS = Object.keys(COMPLETED_COMMANDS).join(" ");

function bash(options: readonly CompletedOption[]): string {
  const long = options.map(({ name }) => name).join(" ");
  const pattern = (...kinds: readonly ValueKind[]): string =>
    options.filter(({ value, optional }) => kinds.includes(value) && !optional)
      .flatMap(({ name, short }) => [`--${name}`, ...(short === null ? [] : [`-${short}`])]).join("|");
  return `# bash completion for reeve: source <(reeve completion bash)
_reeve_options="${long}"

# The words of \`compgen ARGUMENT...\`, a line each, to COMPREPLY: they may hold blanks.
_reeve_offer() {
  local line
  while IFS= read -r line; do COMPREPLY+=("$line"); done < <(compgen "$@")
}

_reeve_files() {
  compopt -o filenames 2>/dev/null
  _reeve_offer -f -- "$1"
}

_reeve() {
  local current=\${COMP_WORDS[COMP_CWORD]} previous= command= word i
  COMPREPLY=()
  ((COMP_CWORD > 0)) && previous=\${COMP_WORDS[COMP_CWORD-1]}
  # "=" is a word of its own.
  if [[ $current == = ]]; then
    current=
  elif [[ $previous == = ]]; then
    previous=\${COMP_WORDS[COMP_CWORD-2]}
  fi
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=\${COMP_WORDS[i]}
    if [[ $word == -- ]]; then
      if declare -F _command_offset >/dev/null; then
        _command_offset $((i + 1))
      elif ((i + 1 == COMP_CWORD)); then
        _reeve_offer -c -- "$current"
      else
        _reeve_files "$current"
      fi
      return
    fi
    [[ -z $command && $word != -* ]] && command=$word
  done
  case $previous in
    ${pattern("files")})
      _reeve_files "$current"
      return ;;
    ${pattern("users")})
      _reeve_offer -u -- "$current"
      return ;;
    ${pattern("groups")})
      _reeve_offer -g -- "$current"
      return ;;
    ${pattern("free")})
      return ;;
  esac
  case $command in
    doctor)
      _reeve_offer -W "--json" -- "$current"
      return ;;
    completion)
      _reeve_offer -W "${SHELLS.join(" ")}" -- "$current"
      return ;;
    help)
      _reeve_offer -W "$_reeve_options ${COMMAND_WORDS}" -- "$current"
      return ;;
    man)
      return ;;
    enter)
      [[ $previous == -c ]] && _reeve_files "$current" && return
      _reeve_offer -W "-c --jail --user" -- "$current"
      return ;;
  esac
  if [[ $current == -* ]]; then
    _reeve_offer -P -- -W "$_reeve_options" -- "\${current#--}"
    [[ $current == - ]] && COMPREPLY=() && _reeve_offer -P -- -W "$_reeve_options"
    return
  fi
  [[ -z $command ]] && _reeve_offer -W "${COMMAND_WORDS}" -- "$current"
  _reeve_files "$current"
}

complete -F _reeve reeve
`;
}

const ZSH_VALUES: Readonly<Record<Exclude<ValueKind, "none">, string>> = {
  files: ":file:_files",
  users: ":user:_users",
  groups: ":group:_groups",
  free: ":value: ",
};

function zsh(options: readonly CompletedOption[]): string {
  const specs = options.flatMap(({ name, short, value, optional, repeatable, help }) => {
    const times = repeatable ? "*" : "";
    const text = `[${help.replaceAll(/[\\[\]:]/g, "\\$&")}]`;
    const taken = value === "none" ? "" : optional ? `:${ZSH_VALUES[value]}` : ZSH_VALUES[value];
    const assign = value === "none" ? "" : optional ? "=-" : "=";
    const long = quoted(`${times}--${name}${assign}${text}${taken}`);
    return short === null
      ? [long]
      : [long, quoted(`${times}-${short}${value === "none" ? "" : "+"}${text}${taken}`)];
  });
  const commands = Object.entries(COMPLETED_COMMANDS).map(([name, help]) => quoted(`${name}:${help}`));
  return `#compdef reeve
# zsh completion for reeve: source <(reeve completion zsh), or as the file _reeve in a directory of $fpath

_reeve() {
  local curcontext="$curcontext" state line
  local -a options commands
  typeset -A opt_args
  options=(
    ${specs.join("\n    ")}
  )
  commands=(
    ${commands.join("\n    ")}
  )
  local -i end=\${words[(i)--]}
  if (( end < CURRENT )); then
    shift $end words
    (( CURRENT -= end ))
    _normal
    return
  fi
  if (( CURRENT > 2 )); then
    case $words[2] in
      doctor)
        _arguments '1: :' '--json[print JSON]'
        return ;;
      completion)
        _arguments '1: :' '2:shell:(${SHELLS.join(" ")})'
        return ;;
      help)
        _arguments '1: :' '2:option:(\${\${\${(M)options:#*--*}#*--}%%[=\\[]*} ${COMMAND_WORDS})'
        return ;;
      man)
        return ;;
      enter)
        _arguments '1: :' '-c[the configuration]:file:_files' '--jail[the jail of the instance]' \\
          '--user[who to be inside]:user: ' '2:daemon: '
        return ;;
    esac
  fi
  _arguments -s -S $options '1: :->first' '*: :->rest'
  case $state in
    first)
      _describe -t commands command commands
      _files ;;
    rest)
      _files ;;
  esac
}

if [[ \${funcstack[1]} == _reeve ]]; then
  _reeve "$@"
else
  compdef _reeve reeve
fi
`;
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

const FISH_VALUES: Readonly<Record<ValueKind, string>> = {
  none: "",
  files: " -r -F",
  users: " -x -a '(__fish_complete_users)'",
  groups: " -x -a '(__fish_complete_groups)'",
  free: " -x",
};

function fish(options: readonly CompletedOption[]): string {
  const text = (words: string): string => `'${words.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
  const words = Object.keys(COMPLETED_COMMANDS);
  const lines = [
    "# fish completion for reeve: reeve completion fish | source",
    "complete -c reeve -e",
    ...Object.entries(COMPLETED_COMMANDS).map(([name, help]) =>
      `complete -c reeve -n 'test (count (commandline -opc)) -eq 1' -a ${name} -d ${text(help)}`
    ),
    ...["doctor", "man", "help", "completion"].map((command) =>
      `complete -c reeve -n '__fish_seen_subcommand_from ${command}' -f`
    ),
    `complete -c reeve -n '__fish_seen_subcommand_from completion' -a '${SHELLS.join(" ")}'`,
    `complete -c reeve -n '__fish_seen_subcommand_from help' -a '${
      options.map(({ name }) => name).join(" ")
    } ${words.join(" ")}'`,
    "complete -c reeve -n '__fish_seen_subcommand_from doctor' -l json -d 'print JSON'",
    "complete -c reeve -n '__fish_seen_subcommand_from enter' -s c -r -F -d 'the configuration'",
    "complete -c reeve -n '__fish_seen_subcommand_from enter' -l jail -d 'the jail of the instance'",
    "complete -c reeve -n '__fish_seen_subcommand_from enter' -l user -x -d 'who to be inside'",
    ...options.map(({ name, short, value, optional, help }) =>
      `complete -c reeve -n 'not __fish_seen_subcommand_from doctor completion man help enter' -l ${name}${
        short === null ? "" : ` -s ${short}`
      }${optional ? "" : FISH_VALUES[value]} -d ${text(help)}`
    ),
  ];
  return `${lines.join("\n")}\n`;
}
