/**
 * The reader of a guide: saves its manifests as files, types its commands into a shell with the real kubectl, and
 * knows which of both are still to come. Manifests and commands are named by the line where the guide has them, and
 * their texts come from `tests/golden/guides/`, so that nothing is run that does not stand in the guide.
 */
import { findTool } from "./kube_tools.ts";
import { type GuideCommand, readCommands } from "./guide_commands.ts";

const ROOT = new URL("../..", import.meta.url).pathname;
const COMMAND_LIMIT_MS = 150_000;

export interface GuideReaderOptions {
  /** The guide's file in `tests/golden/guides/`, e.g. `000-layer2-guide`. */
  readonly guide: string;
  /** Working directory and home. */
  readonly folder: string;
  readonly kubeconfig: string;
}

export interface ShellOutcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

interface Manifest {
  readonly line: number;
  readonly text: string;
}

export class GuideReader {
  readonly #options: GuideReaderOptions;
  readonly #number: string;
  readonly #manifests: readonly Manifest[];
  readonly #commands: readonly GuideCommand[];
  readonly #saved = new Set<number>();
  readonly #typed = new Set<string>();

  private constructor(options: GuideReaderOptions, texts: { manifests: string; commands: string }) {
    this.#options = options;
    this.#number = options.guide.slice(0, 3);
    this.#manifests = manifestsIn(texts.manifests);
    this.#commands = readCommands(texts.commands).filter(({ at }) => at.startsWith(`${this.#number}:`));
  }

  static async open(options: GuideReaderOptions): Promise<GuideReader> {
    const golden = `${ROOT}/tests/golden/guides`;
    const reader = new GuideReader(options, {
      manifests: await Deno.readTextFile(`${golden}/${options.guide}.yaml`),
      commands: await Deno.readTextFile(`${golden}/commands.txt`),
    });
    const { folder } = options;
    await Deno.mkdir(`${folder}/bin`, { recursive: true });
    const herald = `exec ${Deno.execPath()} run -q -P=cli --config=${ROOT}/deno.json ${ROOT}/main_cli.ts "$@"\n`;
    await Deno.writeTextFile(`${folder}/bin/herald`, `#!/bin/sh\n${herald}`, { mode: 0o755 });
    return reader;
  }

  /** The manifests whose `apiVersion` stands on these lines, as one file; `edit` is what the reader changes in it. */
  async save(file: string, lines: readonly number[], edit: (text: string) => string = (text) => text): Promise<void> {
    const texts = lines.map((line) => {
      const found = this.#manifests.find((each) => each.line === line);
      if (found === undefined) throw new Error(`Guide ${this.#number} has no manifest on line ${line}`);
      this.#saved.add(line);
      return found.text;
    });
    await Deno.writeTextFile(`${this.#options.folder}/${file}`, edit(texts.join("---\n")));
  }

  /** Saves and applies them in one go, for the many blocks to which the guide gives no file name. */
  async apply(lines: readonly number[], edit?: (text: string) => string): Promise<ShellOutcome> {
    await this.save("block.yaml", lines, edit);
    return await this.shell("kubectl apply -f block.yaml");
  }

  /** Types the command that stands on this line; `edit` fills in what the guide leaves to its reader. */
  async type(line: number, edit: (command: string) => string = (command) => command): Promise<ShellOutcome> {
    const at = `${this.#number}:${line}`;
    const command = this.#commands.find((each) => each.at === at);
    if (command === undefined) throw new Error(`Guide ${this.#number} has no command on line ${line}`);
    this.#typed.add(at);
    return await this.shell(edit(command.text));
  }

  /** Manifests that were never saved, and commands that were never typed, but for those that are named with a reason. */
  left(
    { commands, manifests = {} }: {
      readonly commands: Readonly<Record<string, string>>;
      readonly manifests?: Readonly<Record<number, string>>;
    },
  ): string[] {
    return [
      ...this.#manifests.filter(({ line }) => !this.#saved.has(line) && !Object.hasOwn(manifests, line))
        .map(({ line }) => `manifest on line ${line}`),
      ...this.#commands.filter(({ at }) => !this.#typed.has(at) && !Object.hasOwn(commands, at))
        .map(({ at, text }) => `${at} ${text}`),
    ];
  }

  async shell(command: string): Promise<ShellOutcome> {
    const { folder, kubeconfig } = this.#options;
    const kubectl = findTool("kubectl");
    if (kubectl === undefined) throw new Error("kubectl is not on this machine");
    const home = Deno.env.get("HOME") ?? "";
    const child = new Deno.Command("bash", {
      args: ["-c", command],
      cwd: folder,
      clearEnv: true,
      env: {
        HOME: folder,
        KUBECONFIG: kubeconfig,
        NO_COLOR: "1",
        PATH: `${folder}/bin:${kubectl.slice(0, kubectl.lastIndexOf("/"))}:${Deno.env.get("PATH") ?? "/usr/bin:/bin"}`,
        // Where deno finds its packages although the command has another home.
        XDG_CACHE_HOME: Deno.env.get("XDG_CACHE_HOME") ?? `${home}/.cache`,
        DENO_DIR: Deno.env.get("DENO_DIR") ?? `${Deno.env.get("XDG_CACHE_HOME") ?? `${home}/.cache`}/deno`,
      },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const limit = setTimeout(() => child.kill("SIGKILL"), COMMAND_LIMIT_MS);
    const { code, stdout, stderr } = await child.output();
    clearTimeout(limit);
    const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes).trimEnd();
    return { code, stdout: text(stdout), stderr: text(stderr) };
  }
}

/** Each with the line of its `apiVersion`; comments above it go with it. */
function manifestsIn(golden: string): Manifest[] {
  const manifests: Manifest[] = [];
  let text = "";
  let line: number | undefined;
  const end = () => {
    if (line !== undefined) manifests.push({ line, text: `${text.trimEnd()}\n` });
    text = "";
    line = undefined;
  };
  for (const [index, each] of golden.split("\n").entries()) {
    if (each === "---") {
      end();
      continue;
    }
    // A forgotten `---` makes two manifests one, as for kubectl.
    if (each.startsWith("apiVersion: ")) line ??= index + 1;
    text += `${each}\n`;
  }
  end();
  return manifests;
}
