/**
 * A virtual machine with Debian's own kernel, which knows the interfaces that this machine's kernel may not know: bonds,
 * VLANs, VRFs, teams. User-mode Linux is that kernel as a process: no hardware help, no rights and no image are needed,
 * it boots in a second, and the host's files are its root, readable only.
 *
 * What it runs is guest.ts; what is heard from it are the results of the scenarios, as they come.
 */
import type { ScenarioResult } from "./scenario.ts";
import type { ScenarioList } from "./scenarios.ts";

/** It is one processor, emulated, beside whatever else runs. A test process has 240 s. */
const LIFE_SECONDS = 220;
const KERNEL_LINES_MAX = 40;

export class KernelMachine {
  readonly #results = new Map<string, ScenarioResult>();
  readonly #waiting = new Map<string, () => void>();
  /** The end of what the kernel and the programs in it said. */
  readonly #said: string[] = [];
  readonly #end: Promise<unknown>;
  #isOver = false;

  constructor(list: ScenarioList) {
    const repository = new URL("../../../", import.meta.url).pathname.replace(/\/$/, "");
    const home = Deno.env.get("HOME") ?? "/root";
    const args = [
      ...["mem=1G", "rootfstype=hostfs", "rootflags=/", "ro", "loglevel=1"],
      `init=${repository}/tests/edge/kernel/guest_init.sh`,
      ...["con=null", "con0=null,fd:2", "ssl=null", "ssl0=null,fd:1"],
      `HERALD_REPOSITORY=${repository}`,
      `HERALD_DENO=${Deno.execPath()}`,
      `HERALD_HOME=${home}`,
      `HERALD_DENO_DIR=${Deno.env.get("DENO_DIR") ?? `${home}/.cache/deno`}`,
      `HERALD_SCENARIOS=${list}`,
      `HERALD_SECONDS=${LIFE_SECONDS}`,
    ];
    const child = new Deno.Command("linux.uml", { args, stdin: "null", stdout: "piped", stderr: "piped" }).spawn();
    this.#end = Promise.all([
      eachLine(child.stdout, (line) => this.#hear(line)),
      eachLine(child.stderr, (line) => this.#keep(line)),
      child.status,
    ]).then(() => {
      this.#isOver = true;
      for (const wake of this.#waiting.values()) wake();
    });
  }

  /** Throws what went wrong with it in the machine. */
  async expectPassed(name: string): Promise<void> {
    if (!this.#isOver && !this.#results.has(name)) {
      await new Promise<void>((resolve) => this.#waiting.set(name, resolve));
    }
    const result = this.#results.get(name);
    if (result === undefined) throw new Error(`The machine ended without a word about it:\n${this.#said.join("\n")}`);
    if (result.error !== undefined) throw new Error(`${result.error}\n${this.#said.join("\n")}`);
  }

  /** When it has gone. */
  async ended(): Promise<void> {
    await this.#end;
  }

  #hear(line: string): void {
    if (!line.startsWith("{")) return this.#keep(line);
    const result = JSON.parse(line) as ScenarioResult;
    this.#results.set(result.name, result);
    this.#waiting.get(result.name)?.();
  }

  #keep(line: string): void {
    this.#said.push(line);
    if (this.#said.length > KERNEL_LINES_MAX) this.#said.shift();
  }
}

/** A serial line ends its lines with CR LF. */
async function eachLine(stream: ReadableStream<Uint8Array<ArrayBuffer>>, take: (line: string) => void): Promise<void> {
  let rest = "";
  for await (const part of stream.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + part).split(/\r?\n/);
    rest = lines.pop()!;
    for (const line of lines) take(line);
  }
}
