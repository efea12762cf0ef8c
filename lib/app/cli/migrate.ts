/**
 * `herald migrate`: the ConfigMap of MetalLB 0.12 and older as today's objects, on standard output; everything that
 * could not be mapped, or should be looked at, on standard error with file and line.
 *
 * Exit code 0 all is mapped, 1 something is not (the rest is printed all the same) or the result is not valid, 2 there
 * is nothing that could be read. Reads like MetalLB's converter did (reference §10.3), but strictly.
 */
import type { Json } from "../../base/json.ts";
import { type MigratedObject, migrateLegacyConfig } from "../../decision/config/legacy_config.ts";
import { formatYaml, readData, readObjects, type SourceObject } from "../yaml.ts";
import { type CommandCall, defineCommand, EXIT, type ExitCode } from "./command.ts";
import { readText, sourceName } from "./input.ts";
import { type Output, printable, styled, writeJson } from "./output.ts";
import { isLegacyConfigMap } from "./legacy_config_map.ts";
import { DEFAULT_NAMESPACE } from "./namespaces.ts";

const FLAGS = {
  filename: {
    kind: "string",
    short: "f",
    required: true,
    placeholder: "FILE|-",
    help: "file with the ConfigMap, or - for standard input",
  },
  output: { kind: "string", short: "o", default: "yaml", choices: ["yaml", "json"], help: "output: yaml or json" },
  "only-data": { kind: "boolean", help: "the file is the value of data.config alone, not a ConfigMap" },
  namespace: { kind: "string", short: "n", help: "namespace of the new objects (the ConfigMap's, or metallb-system)" },
  "passwords-to-secrets": { kind: "boolean", help: "put the peers' passwords into Secrets" },
} as const;

export const MIGRATE = defineCommand({
  name: "migrate",
  summary: "print today's objects for a ConfigMap of MetalLB 0.12 or older",
  details:
    "The objects go to standard output, what could not be mapped to standard error. Exit code 0: all is mapped, " +
    "1: something is not, the rest is printed, 2: there is nothing that could be read.",
  examples: [
    "herald migrate -f configmap.yaml > objects.yaml",
    "kubectl get configmap config -n metallb-system -o yaml | herald migrate -f - | kubectl apply -f -",
  ],
  flags: FLAGS,
  run: migrate,
});

/** One old configuration and where it stands. */
interface Legacy {
  readonly text: string;
  readonly source: string;
  readonly namespace: string | undefined;
  /** Line of the file on which the text's first line stands. */
  readonly firstLine: number;
}

async function migrate(call: CommandCall<typeof FLAGS>): Promise<ExitCode> {
  const { flags, files, stdout, stderr } = call;
  const fail = (message: string, code: ExitCode): ExitCode => {
    stderr.write(`herald migrate: ${message}\n`);
    return code;
  };
  const read = await readText(flags.filename, files);
  if (!read.ok) return fail(read.message, EXIT.usage);
  const source = sourceName(flags.filename);
  const found = flags["only-data"]
    ? { ok: true as const, legacy: { text: read.text, source, namespace: undefined, firstLine: 1 }, notes: [] }
    : findLegacy(read.text, source);
  if (!found.ok) return fail(found.message, EXIT.usage);
  for (const note of found.notes) stderr.write(`herald migrate: ${note}\n`);
  const { legacy } = found;
  const complaints = new Complaints(stderr, legacy);
  const data = readData(legacy.text);
  for (const { line, path, message } of data.problems) complaints.add({ severity: "error", line, path, message });
  if (data.value === undefined) return EXIT.usage;
  if (data.value === null) return fail(`${source}: the configuration is empty`, EXIT.usage);
  const namespace = flags.namespace || legacy.namespace || DEFAULT_NAMESPACE;
  const { objects, problems } = migrateLegacyConfig(data.value, {
    namespace,
    passwordsToSecrets: flags["passwords-to-secrets"],
  });
  const placed = problems.map((problem) => ({ ...problem, line: data.lineOf(problem.path) }));
  for (const problem of placed.sort((a, b) => a.line - b.line)) complaints.add(problem);
  await complaints.addResult(objects, namespace);
  if (flags.output === "json") {
    writeJson(stdout, { apiVersion: "v1", kind: "List", items: objects as unknown as Json[] });
  } else stdout.write(documentsOf(objects, source));
  return complaints.errors === 0 ? EXIT.done : EXIT.failed;
}

type Found =
  | { readonly ok: true; readonly legacy: Legacy; readonly notes: readonly string[] }
  | { readonly ok: false; readonly message: string };

/** The ConfigMap among the objects of a file: the only one that reads like the old format, or the one named `config`. */
function findLegacy(text: string, source: string): Found {
  const { objects, problems } = readObjects(text, source);
  const [first] = problems;
  if (first !== undefined) return { ok: false, message: `${source}:${first.line}: ${first.message}` };
  const maps = objects.filter(({ object }) => object.kind === "ConfigMap");
  const named = maps.filter(({ object }) => object.metadata.name === "config" && hasConfig(object));
  const alike = maps.filter(({ object }) => isLegacyConfigMap(object));
  const candidates = named.length > 0 ? named : alike;
  if (candidates.length > 1) {
    const lines = candidates.map(({ line }) => line).join(" and ");
    return {
      ok: false,
      message: `${source}: has several ConfigMaps of the old format (lines ${lines}); give one of them`,
    };
  }
  const [candidate] = candidates;
  if (candidate === undefined) return { ok: false, message: whyNothing({ source, objects, maps }) };
  const others = objects.length - 1;
  const notes = others === 0 ? [] : [`${source}: ${others} other object${others === 1 ? " is" : "s are"} left alone`];
  const value = (candidate.object["data"] as Record<string, string>)["config"]!;
  const { namespace } = candidate.object.metadata;
  return { ok: true, legacy: { text: value, source, namespace, firstLine: firstLineOf(text, candidate) }, notes };
}

function whyNothing(
  { source, objects, maps }: { source: string; objects: readonly SourceObject[]; maps: readonly SourceObject[] },
): string {
  if (maps.length > 0) return `${source}: no ConfigMap in it has the old configuration under data.config`;
  if (objects.length > 0) return `${source}: has no ConfigMap; for the value of data.config alone use --only-data`;
  return `${source}: is empty`;
}

function hasConfig(object: SourceObject["object"]): boolean {
  const data = object["data"] as Record<string, unknown> | null | undefined;
  return typeof data?.["config"] === "string";
}

/** A block text (`config: |`) begins on the line below its key. */
function firstLineOf(text: string, { lineOf }: SourceObject): number {
  const line = lineOf("data.config");
  const isBlock = /:\s*[|>][-+0-9]*\s*(#.*)?$/.test(text.split("\n")[line - 1]?.trimEnd() ?? "");
  return isBlock ? line + 1 : line;
}

/** What is said on standard error, one line each. */
class Complaints {
  readonly #output: Output;
  readonly #legacy: Legacy;
  errors = 0;

  constructor(output: Output, legacy: Legacy) {
    this.#output = output;
    this.#legacy = legacy;
  }

  add(problem: { severity: "error" | "warning"; line: number; path: string; message: string }): void {
    const { severity, line, path, message } = problem;
    const place = `${this.#legacy.source}:${this.#legacy.firstLine + line - 1}`;
    this.#write(severity, place, `${path === "" ? "" : `${path}: `}${message}`);
  }

  /** Held against what the API server and the programs would say; the old words are gone here, so objects are named. */
  async addResult(objects: readonly MigratedObject[], namespace: string): Promise<void> {
    const { validateObjects } = await import("./validation.ts");
    const sources = objects.map((object): SourceObject => ({
      object: object as unknown as SourceObject["object"],
      source: "",
      document: 1,
      line: 1,
      lineOf: () => 1,
    }));
    const { findings } = validateObjects({ objects: sources, problems: [], sources: [""] }, { namespace });
    for (const { severity, kind, name, path, reason, message } of findings) {
      // Said already, in the old words.
      if (reason === "plainPassword" || reason === "missingField") continue;
      this.#write(severity, `${kind} ${name}`, `${path === "" ? "" : `${path}: `}${message}`);
    }
  }

  #write(severity: "error" | "warning", place: string, text: string): void {
    if (severity === "error") this.errors++;
    const word = styled(this.#output, severity, severity === "error" ? "red" : "yellow");
    this.#output.write(`${printable(place)}: ${word}: ${printable(text)}\n`);
  }
}

/** Each document followed by `---`, as MetalLB's converter wrote them, so that more can be appended. */
function documentsOf(objects: readonly MigratedObject[], source: string): string {
  const header = `# Made by "herald migrate" from ${source}.\n`;
  return header +
    objects.map((object) => `${passwordNote(object)}${formatYaml(object as unknown as Json)}---\n`).join("");
}

function passwordNote({ kind, spec }: MigratedObject): string {
  const password = kind === "BGPPeer" && (spec as { password?: unknown }).password !== undefined;
  return password ? "# The password is readable here; --passwords-to-secrets makes a Secret of it.\n" : "";
}
