/**
 * What a guide tells its reader to type, one command a line with the guide's number and line before it. Commands that
 * go over several lines are one; the body of a loop is its own command.
 *
 * Works on fences, on plain text, and on commands in the middle of a sentence. `tests/golden/guides/commands.txt` was
 * made with it:
 *
 *     deno run --allow-read tests/support/guide_commands.ts GUIDE.md… > tests/golden/guides/commands.txt
 */

const COMMAND = /^(kubectl|curl|arping|arp -a|helm|ip neigh|nc|for node in) /;
const IN_A_SENTENCE = /`((?:kubectl|curl)\s[^`]+)`/g;

export interface GuideCommand {
  /** Of the guide, e.g. `000:455`. */
  readonly at: string;
  readonly text: string;
}

function commandsOf(guide: string, number: string): GuideCommand[] {
  const text = guide.replaceAll("\r", "");
  const found: [line: number, text: string][] = [];
  const lines = text.split("\n").map((line) => line.trim());
  for (const [index, line] of lines.entries()) {
    if (!COMMAND.test(line) || lines[index - 1]?.endsWith("\\")) continue;
    let command = line;
    for (let next = index + 1; command.endsWith("\\"); next++) {
      command = `${command.slice(0, -1).trimEnd()} ${lines[next] ?? ""}`;
    }
    found.push([index + 1, command]);
  }
  for (const match of text.matchAll(IN_A_SENTENCE)) {
    found.push([text.slice(0, match.index).split("\n").length, match[1]!.replaceAll(/\s+/g, " ")]);
  }
  return found.sort(([a], [b]) => a - b).map(([line, command]) => ({ at: `${number}:${line}`, text: command }));
}

export function readCommands(golden: string): GuideCommand[] {
  return golden.split("\n").filter((line) => line !== "").map((line) => {
    const space = line.indexOf(" ");
    return { at: line.slice(0, space), text: line.slice(space + 1) };
  });
}

if (import.meta.main) {
  const lines = Deno.args.flatMap((path) =>
    commandsOf(Deno.readTextFileSync(path), path.split("/").at(-1)!.slice(0, 3)).map(({ at, text }) =>
      `${at} ${text}\n`
    )
  );
  Deno.stdout.writeSync(new TextEncoder().encode(lines.join("")));
}
