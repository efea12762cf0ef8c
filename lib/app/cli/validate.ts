/**
 * `herald validate`: every problem of some files at once, for people with file and line, for programs as the JSON of
 * DESIGN §7. Exit code 0 valid (warnings allowed), 1 invalid, 2 when something could not be read.
 */
import {
  type CommandCall,
  defineCommand,
  EXIT,
  type ExitCode,
  FILENAME_FLAG,
  NAMESPACE_FLAG,
  OUTPUT_FLAG,
} from "./command.ts";
import { type Finding, findingJson } from "./finding.ts";
import { type Input, readInput } from "./input.ts";
import { type Output, printable, styled, wrapped, writeJson } from "./output.ts";
import type { Validation } from "./validation.ts";

const FLAGS = {
  filename: { ...FILENAME_FLAG, required: true },
  output: OUTPUT_FLAG,
  namespace: {
    ...NAMESPACE_FLAG,
    default: "",
    help: "namespace that Herald reads (the objects' own, or metallb-system)",
  },
} as const;

export const VALIDATE = defineCommand({
  name: "validate",
  summary: "check manifests without a cluster: every problem at once, with file and line",
  details: "Checks what the API server would refuse and what Herald would say: schemas, addresses, overlaps, names " +
    "that do not exist. Folders are read with their sub-folders. Exit code 0: valid (there may be warnings), " +
    "1: invalid, 2: something could not be read.",
  examples: [
    "herald validate -f pools.yaml",
    "herald validate -f manifests/ -o json",
    "kubectl get ipaddresspools,l2advertisements -n metallb-system -o yaml | herald validate -f -",
  ],
  flags: FLAGS,
  run: validate,
});

async function validate({ flags, files, stdout, stderr }: CommandCall<typeof FLAGS>): Promise<ExitCode> {
  const input = await readInput(flags.filename, files);
  for (const message of input.unreadable) stderr.write(`herald validate: ${message}\n`);
  if (input.unreadable.length > 0) return EXIT.usage;
  const { validateObjects } = await import("./validation.ts");
  const validation = validateObjects(input, { namespace: flags.namespace });
  if (flags.output === "json") {
    writeJson(stdout, { valid: validation.errors === 0, problems: validation.findings.map(findingJson) });
  } else {
    printFindings(stdout, validation.findings);
    stdout.write(`${summaryOf(input, validation, stdout)}\n`);
  }
  return validation.errors === 0 ? EXIT.done : EXIT.failed;
}

/** Problems under the object that they are about, in the order of the files. */
function printFindings(output: Output, findings: readonly Finding[]): void {
  const placeWidth = Math.max(0, ...findings.slice(0, 10_000).map((finding) => placeOf(finding).length));
  let previous: string | undefined;
  for (const finding of findings) {
    const object = objectOf(finding);
    if (object !== previous) {
      output.write(`${previous === undefined ? "" : "\n"}${styled(output, object, "bold")}\n`);
      previous = object;
    }
    const place = placeOf(finding).padEnd(Math.min(placeWidth, PLACE_WIDTH_MAX));
    const severity = finding.severity.padEnd("warning".length);
    const color = finding.severity === "error" ? "red" : "yellow";
    // Some messages begin with the path of their own accord.
    const named = finding.path === "" || finding.message.startsWith(finding.path);
    const text = wrapped(printable(named ? finding.message : `${finding.path}: ${finding.message}`), {
      columns: output.columns,
      indent: " ".repeat(place.length + severity.length + 6),
    });
    output.write(`  ${styled(output, place, "dim")}  ${styled(output, severity, color)}  ${text}\n`);
  }
  if (findings.length > 0) output.write("\n");
}

const PLACE_WIDTH_MAX = 48;

function placeOf({ source, line }: Finding): string {
  return `${source}:${line}`;
}

function objectOf({ kind, namespace, name, source }: Finding): string {
  if (kind === "" && name === "") return source;
  return printable(`${kind || "object"} ${namespace === "" ? "" : `${namespace}/`}${name}`);
}

function summaryOf(input: Input, { checked, skipped, errors, warnings }: Validation, output: Output): string {
  const lines: string[] = [];
  if (skipped.size > 0) {
    const kinds = [...skipped].map(([kind, count]) => `${count} ${printable(kind.slice(0, 63))}`);
    const more = kinds.length > SKIPPED_SHOWN_MAX ? `, and ${kinds.length - SKIPPED_SHOWN_MAX} more kinds` : "";
    lines.push(
      `not checked, of kinds that Herald does not read: ${kinds.slice(0, SKIPPED_SHOWN_MAX).join(", ")}${more}`,
    );
  }
  const verdict = errors > 0 ? styled(output, "not valid", "red", "bold") : styled(output, "valid", "green", "bold");
  const counts = [counted(checked, "object"), counted(errors, "error"), counted(warnings, "warning")].join(", ");
  const nothing = checked === 0 && errors === 0 ? "; there is nothing of Herald's in it" : "";
  lines.push(`${verdict}: ${counts} in ${counted(input.sources.length, "file")}${nothing}`);
  return lines.join("\n");
}

const SKIPPED_SHOWN_MAX = 12;

function counted(count: number, word: string): string {
  return `${count} ${word}${count === 1 ? "" : "s"}`;
}
