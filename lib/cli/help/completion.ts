/**
 * `reeve completion SHELL`: a script that completes commands, options, their values and files. Made of the
 * option table, so that it never offers what this version does not know. Only for the names of daemons does
 * it run reeve, which asks the instance that runs; what comes back is never taken for text of the shell.
 */
import {
  type Command,
  type Flag,
  LISTED_COMMANDS,
  type Shell,
  SHELLS,
  type ValueKind,
} from "../shared/commands.ts";
import {
  type CompletedOption,
  completedOptions,
  offersDaemons,
  offersOf,
  OWN_COMMANDS,
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

const COMMAND_WORDS = LISTED_COMMANDS.map(({ name }) => name).join(" ");

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

# The names of the daemons that run. They are quoted, and never expanded.
_reeve_daemons() {
  local line
  while IFS= read -r line; do
    [[ $line == "$1"* ]] || continue
    printf -v line %q "$line"
    COMPREPLY+=("$line")
  done < <("\${COMP_WORDS[0]}" names "\${COMP_WORDS[@]:1:COMP_CWORD-1}" 2>/dev/null)
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
${OWN_COMMANDS.map(bashCommand).join("")}  esac
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

const BASH_VALUES: Readonly<Record<ValueKind, string>> = {
  none: "",
  files: '_reeve_files "$current"',
  users: '_reeve_offer -u -- "$current"',
  groups: '_reeve_offer -g -- "$current"',
  free: ":",
};

/** The words of one command: the values of its flags, else its flags and operands. */
function bashCommand(command: Command): string {
  const { name, flags = [] } = command;
  const values = flags.flatMap(({ long, short, value }) => {
    if (value === undefined) return [];
    const names = short === undefined ? `--${long}` : `--${long}|-${short}`;
    return [`      [[ $previous == @(${names}) ]] && { ${BASH_VALUES[value.offers]}; return; }\n`];
  });
  const words = [...flags.map(({ long }) => `--${long}`), ...offersOf(command)];
  const offer = words.length === 0 ? "" : `      _reeve_offer -W "${words.join(" ")}" -- "$current"\n`;
  const daemons = offersDaemons(command) ? '      [[ $current == -* ]] || _reeve_daemons "$current"\n' : "";
  return `    ${name})\n${values.join("")}${offer}${daemons}      return ;;\n`;
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
  const commands = LISTED_COMMANDS.map(({ name, summary }) => quoted(`${name}:${summary}`));
  return `#compdef reeve
# zsh completion for reeve: source <(reeve completion zsh), or as the file _reeve in a directory of $fpath

_reeve_daemons() {
  local -a names
  names=("\${(@f)$($words[1] names "\${(@)words[2,CURRENT-1]}" 2>/dev/null)}")
  compadd "$@" -- "\${(@)names:#}"
}

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
${OWN_COMMANDS.map(zshCommand).join("")}    esac
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

function zshCommand(command: Command): string {
  const { name, flags = [], words } = command;
  const specs = flags.flatMap(({ long, short, value, help }) => {
    const taken = value === undefined ? "" : ZSH_VALUES[value.offers === "none" ? "free" : value.offers];
    return [
      ...(short === undefined ? [] : [quoted(`-${short}[${help}]${taken}`)]),
      quoted(`--${long}${value === undefined ? "" : "="}[${help}]${taken}`),
    ];
  });
  const offers = offersOf(command);
  const operand = offersDaemons(command)
    ? [...(offers.length > 0 ? [quoted(`2:word:(${offers.join(" ")})`)] : []), "'*:daemon:_reeve_daemons'"]
    : offers.length > 0
    ? [quoted(`2:word:(${offers.join(" ")})`)]
    : words.kind === "own" && words.most > 0
    ? ["'2:word: '"]
    : [];
  return `      ${name})\n        _arguments '1: :' ${[...specs, ...operand].join(" ")}\n        return ;;\n`;
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
  const own = OWN_COMMANDS.map(({ name }) => name);
  const lines = [
    "# fish completion for reeve: reeve completion fish | source",
    "complete -c reeve -e",
    "function __reeve_daemons",
    "  set -l words (commandline -opc)",
    "  command $words[1] names $words[2..-1] 2>/dev/null",
    "end",
    ...LISTED_COMMANDS.map(({ name, summary }) =>
      `complete -c reeve -n 'test (count (commandline -opc)) -eq 1' -a ${name} -d ${text(summary)}`
    ),
    ...OWN_COMMANDS.flatMap((command) => {
      const behind = `complete -c reeve -n '__fish_seen_subcommand_from ${command.name}'`;
      const offers = offersOf(command);
      return [
        `${behind} -f`,
        ...(offers.length === 0 ? [] : [`${behind} -a '${offers.join(" ")}'`]),
        ...(offersDaemons(command) ? [`${behind} -a '(__reeve_daemons)'`] : []),
        ...(command.flags ?? []).map((flag) => `${behind}${fishFlag(flag)} -d ${text(flag.help)}`),
      ];
    }),
    ...options.map(({ name, short, value, optional, help }) =>
      `complete -c reeve -n 'not __fish_seen_subcommand_from ${own.join(" ")}' -l ${name}${
        short === null ? "" : ` -s ${short}`
      }${optional ? "" : FISH_VALUES[value]} -d ${text(help)}`
    ),
  ];
  return `${lines.join("\n")}\n`;
}

function fishFlag({ long, short, value }: Flag): string {
  return `${short === undefined ? "" : ` -s ${short}`} -l ${long}${FISH_VALUES[value?.offers ?? "none"]}`;
}
