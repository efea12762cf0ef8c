/**
 * What a test needs of the machine, and the line to type when it is not there. The runner never installs anything.
 *
 * `namespaces` is the one need that is not a command: network namespaces of one's own, as root or below `unshare -Ur`.
 */

/** How network namespaces can be had here. */
export type Namespaces = "direct" | "unshare" | "none";

export interface MachineFacts {
  hasCommand(name: string): boolean;
  readonly namespaces: Namespaces;
}

/** Debian's package, where it is not called like the command. */
const PACKAGES: Readonly<Record<string, string>> = {
  ip: "iproute2",
  unshare: "util-linux",
  nsenter: "util-linux",
  etcd: "etcd-server",
  "linux.uml": "user-mode-linux",
  "qemu-system-x86_64": "qemu-system-x86",
  teamnl: "libteam-utils",
};

/** Not in Debian: built with Go. */
const BUILT = new Set(["kubectl", "kube-apiserver", "kube-controller-manager", "kube-proxy"]);
/** What a program of tests/support makes, and how. */
const MADE: Readonly<Record<string, string>> = {
  "memberlist-peer": "build memberlist-peer with Go",
  "debian-kernel": "take Debian's kernel out of its package (71 MB)",
};

export function missingNeeds(needs: readonly string[], machine: MachineFacts): string[] {
  return needs.filter((need) => need === "namespaces" ? machine.namespaces === "none" : !machine.hasCommand(need));
}

/** The lines that make the missing things available, in the order to type them. */
export function howToGet(missing: readonly string[]): string[] {
  const unique = [...new Set(missing)].sort();
  const lines: string[] = [];
  if (unique.includes("namespaces")) {
    lines.push(
      "run as root, or allow user namespaces: sysctl -w kernel.unprivileged_userns_clone=1 (Debian), " +
        "sysctl -w kernel.apparmor_restrict_unprivileged_userns=0 (Ubuntu)",
    );
  }
  const packages = unique.filter((need) => need !== "namespaces" && !(need in MADE) && !BUILT.has(need))
    .map((need) => PACKAGES[need] ?? need);
  if (packages.length > 0) lines.push(`apt-get install -y ${[...new Set(packages)].join(" ")}`);
  for (const need of unique.filter((need) => need in MADE)) {
    const program = `tests/support/${need.replaceAll("-", "_")}.ts`;
    lines.push(`${MADE[need]}: deno run --allow-env --allow-read --allow-write --allow-run ${program}`);
  }
  const built = unique.filter((need) => BUILT.has(need));
  if (built.length > 0) {
    lines.push(
      `set KUBEBUILDER_ASSETS to a folder with ${built.join(", ")}, or build with Go: ` +
        `deno run --allow-env --allow-read --allow-write --allow-run tests/support/kube_tools.ts ${built.join(" ")}`,
    );
  }
  return lines;
}

/** Tries it, because no setting tells for sure: containers, AppArmor and sysctls all have a say. */
export async function probeNamespaces(): Promise<Namespaces> {
  if (await succeeds("unshare", ["--net", "true"])) return "direct";
  return await succeeds("unshare", ["--user", "--map-root-user", "--net", "true"]) ? "unshare" : "none";
}

async function succeeds(command: string, args: readonly string[]): Promise<boolean> {
  try {
    const child = new Deno.Command(command, { args: [...args], stdin: "null", stdout: "null", stderr: "null" });
    return (await child.output()).success;
  } catch {
    return false;
  }
}
