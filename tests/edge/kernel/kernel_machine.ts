/**
 * A virtual machine with Debian's own kernel, which knows the interfaces that this machine's kernel may not know. The
 * host's files are its root, readable only, and its first program is guest_init.sh. What is heard from it are the results
 * of scenarios, as they come.
 *
 * There are two such machines. User-mode Linux (bonds, VLANs, VRFs, teams) is the kernel as a process: no hardware help,
 * no rights and no image are needed, and it boots in a second. It has no Wi-Fi; qemu emulates a computer for the kernel
 * that Debian installs, which takes five times as long for everything.
 */
import { debianKernelFolder } from "../../support/kube_tools.ts";
import type { ScenarioResult } from "./scenario.ts";

/** It is one processor, emulated, beside whatever else runs. A test process has 480 s. */
const LIFE_SECONDS = 440;
const KERNEL_LINES_MAX = 40;
const MODULES_OF_USER_MODE_LINUX = "/usr/lib/uml/modules";

export interface GuestProgram {
  readonly path: string;
  /** Which list of scenarios, where it has several. */
  readonly list?: string;
}

export class KernelMachine {
  readonly #results = new Map<string, ScenarioResult>();
  readonly #waiting = new Map<string, () => void>();
  /** The end of what the kernel and the programs in it said. */
  readonly #said: string[] = [];
  readonly #end: Promise<unknown>;
  #isOver = false;

  private constructor(command: string, args: readonly string[]) {
    const child = new Deno.Command(command, {
      args: [...args],
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.#end = Promise.all([
      eachLine(child.stdout, (line) => this.#hear(line)),
      eachLine(child.stderr, (line) => this.#keep(line)),
      child.status,
    ]).then(() => {
      this.#isOver = true;
      for (const wake of this.#waiting.values()) wake();
    });
  }

  static userModeLinux(program: GuestProgram): KernelMachine {
    return new KernelMachine("linux.uml", [
      ...["mem=1G", "rootfstype=hostfs", "rootflags=/", "ro", "loglevel=1", `init=${GUEST_INIT}`],
      ...["con=null", "con0=null,fd:2", "ssl=null", "ssl0=null,fd:1"],
      ...environment(program, MODULES_OF_USER_MODE_LINUX),
    ]);
  }

  static emulated(program: GuestProgram): KernelMachine {
    const folder = debianKernelFolder();
    // An emulated timer that is late on a busy host is no reason to give up.
    const options = ["console=ttyS1", "loglevel=1", "panic=-1", "no_timer_check"];
    const line = [...options, ...environment(program, `${folder}/modules`)];
    return new KernelMachine("qemu-system-x86_64", [
      ...["-accel", "tcg,thread=multi", "-cpu", "max", "-smp", "2", "-m", "1024"],
      ...["-display", "none", "-vga", "none", "-nic", "none", "-no-reboot"],
      ...["-chardev", "stdio,id=results,signal=off", "-serial", "chardev:results", "-serial", "file:/dev/stderr"],
      ...["-fsdev", "local,id=root,path=/,security_model=none,readonly=on,multidevs=remap"],
      ...["-device", "virtio-9p-pci,fsdev=root,mount_tag=root"],
      ...["-kernel", `${folder}/debian-kernel`, "-initrd", `${folder}/initramfs`, "-append", line.join(" ")],
    ]);
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

const REPOSITORY = new URL("../../../", import.meta.url).pathname.replace(/\/$/, "");
const GUEST_INIT = `${REPOSITORY}/tests/edge/kernel/guest_init.sh`;

/** Words of the kernel's command line that it does not know are the environment of its first program. */
function environment({ path, list = "" }: GuestProgram, modules: string): string[] {
  const home = Deno.env.get("HOME") ?? "/root";
  return Object.entries({
    INIT: GUEST_INIT,
    REPOSITORY,
    DENO: Deno.execPath(),
    HOME: home,
    DENO_DIR: Deno.env.get("DENO_DIR") ?? `${home}/.cache/deno`,
    MODULES: modules,
    PROGRAM: path,
    SCENARIOS: list,
    SECONDS: `${LIFE_SECONDS}`,
  }).map(([name, value]) => `HERALD_${name}=${value}`);
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
