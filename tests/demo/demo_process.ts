/** `herald demo` as a process, as a user starts it; its story line by line. */

const ROOT = new URL("../../", import.meta.url).pathname;

/** Marks the processes of this test run: others may run demos at the same time. */
const RUN = crypto.randomUUID();

export class DemoProcess {
  readonly #process: Deno.ChildProcess;
  readonly #reading: Promise<unknown>;
  #stdout = "";
  #stderr = "";

  /** `prefix` goes before the command line, e.g. `unshare -Ur`. */
  constructor(args: readonly string[], { prefix = [] as readonly string[], permissions = ["-P=demo"] } = {}) {
    const deno = [Deno.execPath(), "run", "-q", "--cached-only", "--no-prompt", ...permissions, "main_cli.ts"];
    const [program, ...rest] = [...prefix, ...deno, ...args];
    this.#process = new Deno.Command(program!, {
      args: rest,
      cwd: ROOT,
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
      env: { NO_COLOR: "1", HERALD_TEST_RUN: RUN },
    }).spawn();
    this.#reading = Promise.all([
      read(this.#process.stdout, (text) => this.#stdout += text),
      read(this.#process.stderr, (text) => this.#stderr += text),
    ]);
  }

  get pid(): number {
    return this.#process.pid;
  }

  get stdout(): string {
    return this.#stdout;
  }

  get stderr(): string {
    return this.#stderr;
  }

  /** The first match in what was said so far or will be said. */
  async said(pattern: RegExp, limitMs = 90_000): Promise<RegExpExecArray> {
    const end = performance.now() + limitMs;
    for (;;) {
      const match = pattern.exec(this.#stdout);
      if (match !== null) return match;
      if (performance.now() > end) throw new Error(`The demo did not say ${pattern}:\n${this.#stdout}${this.#stderr}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  signal(signal: Deno.Signal): void {
    this.#process.kill(signal);
  }

  /** Exit code; killed after `limitMs`, which is an error. */
  async end(limitMs = 90_000): Promise<number> {
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      this.#process.kill("SIGKILL");
    }, limitMs);
    const { code } = await this.#process.status;
    clearTimeout(timer);
    await this.#reading;
    if (late) throw new Error(`The demo did not end within ${limitMs} ms:\n${this.#stdout}${this.#stderr}`);
    return code;
  }
}

/** What a demo of this test run must not leave behind: links here, named namespaces, processes. */
export function outside(): { readonly links: string[]; readonly named: string[]; readonly processes: string[] } {
  const processes = namesIn("/proc").filter((name) => /^\d+$/.test(name))
    // A parent may be another one by now, but the environment is inherited for ever.
    .filter((pid) => textOf(`/proc/${pid}/environ`).includes(RUN));
  return { links: namesIn("/sys/class/net"), named: namesIn("/run/netns"), processes };
}

function namesIn(path: string): string[] {
  try {
    return [...Deno.readDirSync(path)].map(({ name }) => name).sort();
  } catch {
    return [];
  }
}

function textOf(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return "";
  }
}

async function read(stream: ReadableStream<Uint8Array>, add: (text: string) => void): Promise<void> {
  for await (const text of stream.pipeThrough(new TextDecoderStream())) add(text);
}
