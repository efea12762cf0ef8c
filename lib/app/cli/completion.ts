/**
 * `herald completion bash|zsh|fish`: a script for the shell, made from the table of commands, so that it knows every
 * command and flag that this version has. It runs nothing: completing a word costs no start of `herald`.
 */
import type { FlagSpec } from "../flags.ts";
import { type Command, defineCommand, EXIT } from "./command.ts";

const SHELLS = ["bash", "zsh", "fish"] as const;

type Shell = (typeof SHELLS)[number];

/** Flags whose value is the name of a file or a folder. */
const FILE_FLAGS: ReadonlySet<string> = new Set(["filename", "kubeconfig", "state"]);

/** `commands` is asked when the script is made: the table holds this command too. */
export function completionCommand(commands: () => readonly Command[]): Command {
  return defineCommand({
    name: "completion",
    summary: "print a script that completes commands and flags in bash, zsh or fish",
    examples: [
      "source <(herald completion bash)",
      "herald completion zsh > ~/.zfunc/_herald",
      "herald completion fish > ~/.config/fish/completions/herald.fish",
    ],
    flags: {},
    words: { name: "SHELL", help: SHELLS.join(", "), min: 1, max: 1, choices: SHELLS },
    run: ({ words, stdout }) => {
      stdout.write(completionScript(words[0] as Shell, commands()));
      return EXIT.done;
    },
  });
}

function completionScript(shell: Shell, commands: readonly Command[]): string {
  return SCRIPTS[shell](commands);
}

const SCRIPTS: Readonly<Record<Shell, (commands: readonly Command[]) => string>> = {
  bash: bashScript,
  zsh: zshScript,
  fish: fishScript,
};

function bashScript(commands: readonly Command[]): string {
  const names = commands.map(({ name }) => name).join(" ");
  return `# Completion of herald in bash: source <(herald completion bash)
_herald() {
  local current="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD-1]}" IFS=$'\\n'
  COMPREPLY=()
  # bash takes the = of --flag=value for a word of its own.
  if [[ $current == "=" ]]; then current=""
  elif [[ $previous == "=" ]]; then previous="\${COMP_WORDS[COMP_CWORD-2]}"; fi
  if (( COMP_CWORD == 1 )); then
    COMPREPLY=($(IFS=' '; compgen -W "${names} help --help --version" -- "$current"))
    return
  fi
  case "\${COMP_WORDS[1]}" in
${commands.map(bashCommand).join("\n")}
    help) COMPREPLY=($(IFS=' '; compgen -W "${names}" -- "$current")) ;;
  esac
}
complete -F _herald herald
`;
}

function bashCommand({ name, flags, words }: Command): string {
  const values = Object.entries(flags).filter(([, flag]) => flag.kind !== "boolean").map(([flag, spec]) => {
    const pattern = spellings(flag, spec).join("|");
    if (spec.choices !== undefined) return `        ${pattern}) ${bashWords(spec.choices)}; return ;;`;
    if (FILE_FLAGS.has(flag)) {
      return `        ${pattern}) compopt -o filenames 2>/dev/null; COMPREPLY=($(compgen -f -- "$current")); return ;;`;
    }
    return `        ${pattern}) return ;;`;
  });
  const all = Object.entries(flags).flatMap(([flag, spec]) => spellings(flag, spec));
  const cases = values.length === 0 ? "" : `      case "$previous" in\n${values.join("\n")}\n      esac\n`;
  return `    ${name})\n${cases}      ${bashWords([...words?.choices ?? [], ...all, "--help"])} ;;`;
}

function bashWords(words: readonly string[]): string {
  return `COMPREPLY=($(IFS=' '; compgen -W "${words.join(" ")}" -- "$current"))`;
}

function spellings(name: string, { short }: FlagSpec): string[] {
  return short === undefined ? [`--${name}`] : [`--${name}`, `-${short}`];
}

function zshScript(commands: readonly Command[]): string {
  const described = commands.map(({ name, summary }) => `    ${quoted(`${name}:${summary.replaceAll(":", "\\:")}`)}`);
  return `#compdef herald
# Completion of herald in zsh: put it as _herald into a folder of $fpath, or source it after compinit.
_herald() {
  local -a commands=(
${described.join("\n")}
  )
  if (( CURRENT == 2 )); then
    _describe -t commands command commands
    return
  fi
  local command=$words[2]
  shift words
  (( CURRENT-- ))
  case $command in
${commands.map(zshCommand).join("\n")}
    help) _describe -t commands command commands ;;
  esac
}
compdef _herald herald
`;
}

function zshCommand({ name, flags, words }: Command): string {
  const specs = Object.entries(flags).flatMap(([flag, spec]) => {
    const help = spec.help.replace(/[[\]\\:]/g, "\\$&");
    const action = spec.kind === "boolean"
      ? ""
      : spec.choices !== undefined
      ? `:value:(${spec.choices.join(" ")})`
      : FILE_FLAGS.has(flag)
      ? ":file:_files"
      : ":value: ";
    const repeated = spec.kind === "list" ? "*" : "";
    return spellings(flag, spec).map((spelling) => quoted(`${repeated}${spelling}[${help}]${action}`));
  });
  const positional = words?.choices === undefined ? [] : [quoted(`1:${words.name}:(${words.choices.join(" ")})`)];
  return `    ${name}) _arguments ${[...specs, quoted("--help[show the flags]"), ...positional].join(" ")} ;;`;
}

function fishScript(commands: readonly Command[]): string {
  const lines = ["# Completion of herald in fish", "complete -c herald -f"];
  for (const { name, summary } of commands) {
    lines.push(`complete -c herald -n __fish_use_subcommand -a ${name} -d ${quoted(summary)}`);
  }
  for (const { name, flags, words } of commands) {
    const when = `complete -c herald -n '__fish_seen_subcommand_from ${name}'`;
    if (words?.choices !== undefined) lines.push(`${when} -a ${quoted(words.choices.join(" "))}`);
    for (const [flag, spec] of Object.entries(flags)) {
      const short = spec.short === undefined ? "" : ` -s ${spec.short}`;
      const value = spec.kind === "boolean"
        ? ""
        : spec.choices !== undefined
        ? ` -x -a ${quoted(spec.choices.join(" "))}`
        : FILE_FLAGS.has(flag)
        ? " -r -F"
        : " -x";
      lines.push(`${when}${short} -l ${flag}${value} -d ${quoted(spec.help)}`);
    }
  }
  return `${lines.join("\n")}\n`;
}

/** For a POSIX-like shell; fish understands it as well. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", `'"'"'`)}'`;
}
