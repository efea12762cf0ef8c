/**
 * Runs one child process to its end, or to its time limit, and keeps what it said.
 *
 * The child leads a process group of its own, so that what it started (a capture, a host of the demo) ends with it.
 */

export interface ChildResult {
  readonly code: number;
  readonly timedOut: boolean;
  readonly durationMs: number;
  /** Standard output and error as they came, without colour, cut in front when very long. */
  readonly output: string;
}

export interface ChildOptions {
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly limitMs: number;
}

const OUTPUT_MAX = 1_000_000;
// deno-lint-ignore no-control-regex
const COLOUR = /\x1b\[[0-9;]*m/g;

export class ChildRunner {
  readonly #running = new Set<number>();

  async run(command: string, { args, env, limitMs }: ChildOptions): Promise<ChildResult> {
    const startedAt = performance.now();
    const child = new Deno.Command(command, {
      args: [...args],
      env: { ...env },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
      detached: true,
    }).spawn();
    this.#running.add(child.pid);
    let timedOut = false;
    const timer = setTimeout(() => {
      timedOut = true;
      killGroup(child.pid, "SIGKILL");
    }, limitMs);
    const said = { text: "" };
    const reading = Promise.all([collect(child.stdout, said), collect(child.stderr, said)]);
    const { code } = await child.status;
    clearTimeout(timer);
    // A grandchild that outlives the child would hold its output open for ever.
    killGroup(child.pid, "SIGKILL");
    await reading;
    this.#running.delete(child.pid);
    return {
      code,
      timedOut,
      durationMs: Math.round(performance.now() - startedAt),
      output: said.text.replace(COLOUR, ""),
    };
  }

  /** Ends everything that still runs: for Ctrl-C. */
  killAll(): void {
    for (const pid of this.#running) killGroup(pid, "SIGKILL");
  }
}

function killGroup(pid: number, signal: Deno.Signal): void {
  try {
    Deno.kill(-pid, signal);
  } catch {
    // Already gone.
  }
}

async function collect(stream: ReadableStream<Uint8Array>, into: { text: string }): Promise<void> {
  for await (const text of stream.pipeThrough(new TextDecoderStream())) {
    into.text += text;
    if (into.text.length > OUTPUT_MAX) into.text = `… (cut)\n${into.text.slice(-OUTPUT_MAX / 2)}`;
  }
}
