/**
 * The controller or a speaker as a process of its own on loopback, from its main file with its own permission set. Its
 * log is kept line by line. Made to be stopped, killed and halted.
 */
import { TextLineStream } from "./text_lines.ts";

const ROOT = new URL("../../", import.meta.url).pathname;

export interface ProgramProcessOptions {
  /** The controller if not given. */
  readonly program?: "controller" | "speaker";
  /** A file; its folder may be read. */
  readonly kubeconfig: string;
  /** Where the API is, e.g. `127.0.0.1:6443`. */
  readonly api: string;
  readonly namespace: string;
  /** 0 for none that is known. */
  readonly healthPort?: number;
  /** They win over those that are set here. */
  readonly flags?: readonly string[];
  /** Further files that the program may read. */
  readonly reads?: readonly string[];
}

/** What the permission set lets it read, which a list on the command line replaces. */
const OWN_FILES = { controller: [], speaker: ["./lib", "./wasm", "/etc/metallb"] } as const;

export type LogLine = Readonly<Record<string, unknown>> & { readonly level: string; readonly event: string };

export class ProgramProcess {
  readonly log: LogLine[] = [];
  readonly startedAt = performance.now();
  readonly healthPort: number;
  readonly ended: Promise<Deno.CommandStatus>;
  readonly #child: Deno.ChildProcess;
  readonly #listeners = new Set<(line: LogLine) => void>();
  readonly #read: Promise<void>;

  constructor(options: ProgramProcessOptions) {
    const { program = "controller", kubeconfig, api, namespace, healthPort = 0, flags = [], reads = [] } = options;
    this.healthPort = healthPort;
    this.#child = new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        "-q",
        "--cached-only",
        "--no-prompt",
        "--no-check",
        `-P=${program}`,
        `--allow-net=${api},0.0.0.0,127.0.0.1`,
        `--allow-read=${[kubeconfig, ...reads, ...OWN_FILES[program]].join(",")}`,
        `main_${program}.ts`,
        `--kubeconfig=${kubeconfig}`,
        `--namespace=${namespace}`,
        "--port=0",
        `--health-probe-port=${healthPort}`,
        // Most tests have no API server that would call them.
        ...program === "controller" ? ["--webhook-mode=disabled"] : [],
        ...flags,
      ],
      cwd: ROOT,
      stdin: "null",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    this.ended = this.#child.status;
    this.#read = this.#readLog();
  }

  get pid(): number {
    return this.#child.pid;
  }

  signal(signal: Deno.Signal): void {
    this.#child.kill(signal);
  }

  /** Sends the signal if the process still runs, and resolves with its exit code when it has ended. */
  async end(signal: "SIGTERM" | "SIGKILL"): Promise<number> {
    try {
      this.#child.kill(signal);
    } catch {
      // It has ended already.
    }
    const { code } = await this.ended;
    await this.#read;
    return code;
  }

  /** The first line of this event from now on, or one that was logged already. */
  logged(event: string, limitMs = 60_000): Promise<LogLine> {
    const found = this.log.find((line) => line.event === event);
    if (found !== undefined) return Promise.resolve(found);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#listeners.delete(listener);
        const last = this.log.slice(-10).map((line) => JSON.stringify(line)).join("\n");
        reject(new Error(`"${event}" was not logged in ${limitMs} ms; the end of the log:\n${last}`));
      }, limitMs);
      const listener = (line: LogLine) => {
        if (line.event !== event) return;
        clearTimeout(timer);
        this.#listeners.delete(listener);
        resolve(line);
      };
      this.#listeners.add(listener);
    });
  }

  async #readLog(): Promise<void> {
    const lines = this.#child.stdout.pipeThrough(new TextDecoderStream()).pipeThrough(new TextLineStream());
    for await (const text of lines) {
      if (!text.startsWith("{")) continue;
      const line = JSON.parse(text) as LogLine;
      this.log.push(line);
      for (const listener of [...this.#listeners]) listener(line);
    }
  }
}
