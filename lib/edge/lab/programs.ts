/**
 * Programs that run inside one host: children inherit the network namespace of the thread that starts them.
 *
 * Output is kept up to a limit. `killAll` ends what is left when the host goes. Where util-linux's setpriv is at hand,
 * the kernel kills the children with the thread, so that a kill -9 of this process leaves none behind; they would keep
 * the namespace.
 */
import { invariant } from "../../base/assert.ts";
import type { RunResult } from "./calls.ts";

const OUTPUT_BYTES_MAX = 1 << 20;

interface Running {
  readonly process: Deno.ChildProcess;
  readonly result: Promise<RunResult>;
}

export class Programs {
  readonly #children = new Map<number, Running>();
  #lastId = 0;
  /** What goes before each command line; known after the first start. */
  #prefix: readonly string[] | undefined;

  /** Starts a program, with no input. One that cannot be found ends with code 127, or throws. */
  spawn(command: string, args: readonly string[]): { child: number; pid: number } {
    this.#prefix ??= diesWithParent();
    const [program, ...rest] = [...this.#prefix, command, ...args];
    const options = { args: rest, stdin: "null", stdout: "piped", stderr: "piped" } as const;
    const process = new Deno.Command(program!, options).spawn();
    const child = ++this.#lastId;
    const result = collect(process);
    this.#children.set(child, { process, result });
    return { child, pid: process.pid };
  }

  /** Waits for its end. The child is forgotten with it. */
  async result(child: number): Promise<RunResult> {
    const running = this.#running(child);
    const result = await running.result;
    this.#children.delete(child);
    return result;
  }

  kill(child: number, signal: Deno.Signal): void {
    killQuietly(this.#running(child).process, signal);
  }

  /** Runs a program to its end, or kills it after `timeoutMs`. */
  async run(options: { command: string; args: readonly string[]; timeoutMs: number }): Promise<RunResult> {
    const { child } = this.spawn(options.command, options.args);
    let timedOut = false;
    const timer = setTimeout(() => {
      timedOut = true;
      this.kill(child, "SIGKILL");
    }, options.timeoutMs);
    try {
      return { ...await this.result(child), timedOut };
    } finally {
      clearTimeout(timer);
    }
  }

  async killAll(): Promise<void> {
    const all = [...this.#children.values()];
    for (const { process } of all) killQuietly(process, "SIGKILL");
    await Promise.all(all.map(({ process }) => process.status));
  }

  #running(child: number): Running {
    const running = this.#children.get(child);
    invariant(running !== undefined, `No child ${child} runs here`);
    return running;
  }
}

/** The words that make the kernel kill a program with the thread that started it; none where that cannot be had. */
function diesWithParent(): readonly string[] {
  const prefix = ["setpriv", "--pdeathsig", "KILL", "--"];
  try {
    const args = [...prefix.slice(1), "true"];
    const attempt = new Deno.Command(prefix[0]!, { args, stdin: "null", stdout: "null", stderr: "null" });
    return attempt.outputSync().success ? prefix : [];
  } catch {
    return [];
  }
}

async function collect(process: Deno.ChildProcess): Promise<RunResult> {
  const [status, stdout, stderr] = await Promise.all([process.status, read(process.stdout), read(process.stderr)]);
  return { code: status.code, stdout, stderr, timedOut: false };
}

/** Reads to the end so that the child never blocks, and keeps the first part. */
async function read(stream: ReadableStream<Uint8Array>): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of stream) {
    if (text.length < OUTPUT_BYTES_MAX) text += decoder.decode(chunk, { stream: true });
  }
  return text;
}

function killQuietly(process: Deno.ChildProcess, signal: Deno.Signal): void {
  try {
    process.kill(signal);
  } catch {
    // It has ended by itself.
  }
}
