/**
 * Gets the demonstration the right to make network namespaces: as it is (root), or by starting anew below `unshare -Ur`,
 * where everybody is root in a user namespace of their own.
 */
import { labRequirements } from "../../edge/lab/requirements.ts";
import { becomeProgram } from "../../edge/net/exec.ts";
import { isInitialUserNamespace } from "../../edge/net/namespace.ts";

/** `undefined` when all is there; else sentences that say what is missing. May not return: then it became another. */
export async function gainPrivilege(options: { command: string }): Promise<string | undefined> {
  const requirements = await labRequirements(options);
  if (requirements.ok) return undefined;
  if (!requirements.isPrivilege || isInUserNamespace()) return requirements.missing;
  const refusal = await userNamespaceRefusal();
  if (refusal === undefined) {
    // Not a child: then nothing would be left behind when this process is killed.
    becomeProgram("unshare", ["-Ur", Deno.execPath(), "run", "-q", "-P=demo", Deno.mainModule, ...Deno.args]);
  }
  return `Network namespaces need root or a user namespace, and this system refuses both: ${refusal}\n` +
    `Run it as root: sudo ${options.command}\n` +
    "or let users have namespaces: sudo sysctl kernel.unprivileged_userns_clone=1 (Debian), " +
    "sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0 (Ubuntu)";
}

/** True below `unshare -U`, where this process is root in a world of its own. */
export function isInUserNamespace(): boolean {
  return !isInitialUserNamespace();
}

/** Tries it with a program that does nothing. */
async function userNamespaceRefusal(): Promise<string | undefined> {
  try {
    const { success, stderr } = await new Deno.Command("unshare", { args: ["-Ur", "true"], stderr: "piped" }).output();
    return success ? undefined : new TextDecoder().decode(stderr).trim();
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
