/** The real kubectl with a kubeconfig and a home of its own. */
import { assertEquals } from "@std/assert/equals";
import { findTool } from "./kube_tools.ts";

const COMMAND_LIMIT_MS = 150_000;

export interface KubectlOutcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export class RealKubectl {
  readonly #kubeconfig: string;
  readonly #home: string;

  /** The cache of discovery goes into `home`. */
  constructor(options: { readonly kubeconfig: string; readonly home: string }) {
    this.#kubeconfig = options.kubeconfig;
    this.#home = options.home;
  }

  async run(args: readonly string[], input = ""): Promise<KubectlOutcome> {
    const child = this.start(args);
    const writer = child.stdin.getWriter();
    await writer.write(new TextEncoder().encode(input)).catch(() => {});
    await writer.close().catch(() => {});
    const limit = setTimeout(() => child.kill("SIGKILL"), COMMAND_LIMIT_MS);
    const { code, stdout, stderr } = await child.output();
    clearTimeout(limit);
    const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes).trimEnd();
    return { code, stdout: text(stdout), stderr: text(stderr) };
  }

  /** One that may go on until it is killed; its streams are pipes. */
  start(args: readonly string[]): Deno.ChildProcess {
    const path = findTool("kubectl");
    if (path === undefined) throw new Error("kubectl is not on this machine");
    return new Deno.Command(path, {
      args: [...args],
      clearEnv: true,
      env: { HOME: this.#home, KUBECONFIG: this.#kubeconfig, PATH: Deno.env.get("PATH") ?? "/usr/bin:/bin" },
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
  }

  /** What a command that has to succeed prints; arguments are separated by single spaces. */
  async ok(command: string, input = ""): Promise<string> {
    return (await this.succeeds(command, input)).stdout;
  }

  /** The same with its warnings. */
  async succeeds(command: string, input = ""): Promise<KubectlOutcome> {
    const outcome = await this.run(command.split(" "), input);
    assertEquals(outcome.code, 0, `kubectl ${command}: ${outcome.stderr}${outcome.stdout}`);
    return outcome;
  }

  /** What a command that has to fail says. */
  async fails(command: string, input = ""): Promise<string> {
    const { code, stdout, stderr } = await this.run(command.split(" "), input);
    assertEquals(code, 1, `kubectl ${command} succeeded: ${stdout}`);
    return stderr;
  }
}
