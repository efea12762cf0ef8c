/**
 * Can this process run a laboratory, and if not, what is missing? Asked before anything is shown to a user.
 *
 * The answer comes from trying: a throw-away Worker takes a namespace and lays a cable in it. Reading capabilities would
 * not tell what a container runtime, a security module or a kernel without bridges refuses.
 */
import { SysError } from "../net/errno.ts";
import type { RequirementCalls } from "./calls.ts";
import { WorkerCaller } from "./worker_caller.ts";

export type LabRequirements =
  | { readonly ok: true; readonly how: "root" | "user namespace" }
  | {
    readonly ok: false;
    /** A sentence for the user that ends with the line to run. */
    readonly missing: string;
    /** Only the right to do it is missing: a user namespace may give it. */
    readonly isPrivilege: boolean;
  };

/** `command` is what the user typed, for the line to run. */
export async function labRequirements(options: { command: string }): Promise<LabRequirements> {
  const url = new URL("./requirements_worker.ts", import.meta.url);
  let worker: WorkerCaller<RequirementCalls> | undefined;
  try {
    worker = new WorkerCaller<RequirementCalls>({ url, label: "requirements", network: false, quiet: true });
    return { ok: true, how: await worker.call("tryNetwork", null) };
  } catch (error) {
    const isPrivilege = error instanceof SysError && ["EPERM", "EACCES"].includes(error.code);
    return { ok: false, missing: missingSentence(error, options.command), isPrivilege };
  } finally {
    worker?.terminate();
  }
}

/** What to do about the failure of one step; the step's own words are in the error's operation. */
export function missingSentence(error: unknown, command: string): string {
  if (!(error instanceof SysError)) {
    const message = error instanceof Error ? error.message : String(error);
    return `The C library could not be used: ${message}. Run: deno run -A … (or allow ffi for the paths above)`;
  }
  const failed = `${error.operation} was refused (${error.code})`;
  switch (error.code) {
    case "EPERM":
    case "EACCES":
      return `Network namespaces need root or a user namespace: ${failed}. Run: unshare -Ur ${command}`;
    case "EOPNOTSUPP":
      return `This kernel has no veth or bridge driver loaded: ${failed}. Run: sudo modprobe -a veth bridge`;
    case "ENOSPC":
      return `No more namespaces are allowed here: ${failed}. Run: sudo sysctl user.max_net_namespaces=1024`;
    case "EAFNOSUPPORT":
      return `This kernel has no packet sockets: ${failed}. Run: sudo modprobe af_packet`;
    default:
      return `A network namespace could not be set up: ${failed}. Run: sudo ${command}`;
  }
}
