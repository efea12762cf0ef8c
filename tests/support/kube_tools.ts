/**
 * Real Kubernetes programs for tests: finds them, and builds them with Go when told to.
 *
 * Looked for in this order: the folder `KUBEBUILDER_ASSETS` (the ecosystem's convention), Herald's own cache folder,
 * then `PATH`. Building happens only when this file is run as a program, which only `.ci/run` does by itself:
 *
 *     deno run --allow-env --allow-read --allow-write --allow-run tests/support/kube_tools.ts kubectl
 *
 * `k8s.io/kubernetes` refuses `go install …@version` because its go.mod replaces the staging modules by local folders.
 * So a wrapper module replaces each of them by its published version, which carries the same code.
 */

const KUBE_VERSION = "v1.34.2";

const KUBE_TOOLS = ["kubectl", "kube-apiserver", "kube-controller-manager", "kube-proxy"] as const;
export type KubeTool = typeof KUBE_TOOLS[number];

/** What finding needs to know of the machine; tests hand in their own. */
export interface ToolLookup {
  env(name: string): string | undefined;
  isExecutable(path: string): boolean;
  readonly arch: string;
}

/** Where {@linkcode buildKubeTools} puts what it builds, or undefined when there is neither XDG_CACHE_HOME nor HOME. */
export function kubeToolsFolder(lookup: Pick<ToolLookup, "env" | "arch"> = systemLookup): string | undefined {
  return cacheFolder(`kube-${KUBE_VERSION}`, lookup);
}

/** The node of memberlist in tests/support/memberlist_peer, which memberlist_peer.ts builds. */
export const MEMBERLIST_PEER = "memberlist-peer";

export function memberlistPeerFolder(lookup: Pick<ToolLookup, "env" | "arch"> = systemLookup): string | undefined {
  return cacheFolder("memberlist-v0.5.1", lookup);
}

/** Debian's kernel, which debian_kernel.ts takes out of its package. */
export const DEBIAN_KERNEL = "debian-kernel";

export function debianKernelFolder(lookup: Pick<ToolLookup, "env" | "arch"> = systemLookup): string | undefined {
  return cacheFolder("debian-kernel-1", lookup);
}

function cacheFolder(name: string, lookup: Pick<ToolLookup, "env" | "arch">): string | undefined {
  const home = lookup.env("HOME");
  // The XDG specification says that relative paths are to be ignored.
  const xdg = lookup.env("XDG_CACHE_HOME");
  const cache = xdg?.startsWith("/") ? xdg : home?.startsWith("/") ? `${home}/.cache` : undefined;
  return cache === undefined ? undefined : `${cache}/herald/${name}-${lookup.arch}`;
}

/** Path of a program, or undefined when it is nowhere. `name` may be any command: only Kubernetes' are in the cache. */
export function findTool(name: string, lookup: ToolLookup = systemLookup): string | undefined {
  const folders: string[] = [];
  if ((KUBE_TOOLS as readonly string[]).includes(name) || name === "etcd") {
    folders.push(lookup.env("KUBEBUILDER_ASSETS") ?? "", kubeToolsFolder(lookup) ?? "");
  }
  if (name === DEBIAN_KERNEL) folders.push(debianKernelFolder(lookup) ?? "");
  if (name === MEMBERLIST_PEER) folders.push(memberlistPeerFolder(lookup) ?? "");
  // Debian keeps arping and tcpdump in sbin folders, which are not on every user's PATH.
  folders.push(...(lookup.env("PATH") ?? "").split(":"), "/usr/sbin", "/sbin");
  return folders.filter((folder) => folder.startsWith("/"))
    .map((folder) => `${folder}/${name}`)
    .find((path) => lookup.isExecutable(path));
}

const systemLookup: ToolLookup = {
  env: (name) => Deno.env.get(name),
  arch: Deno.build.arch,
  isExecutable(path) {
    try {
      const info = Deno.statSync(path);
      return info.isFile && ((info.mode ?? 0) & 0o111) !== 0;
    } catch {
      return false;
    }
  },
};

/** go.mod of the wrapper module, made from the go.mod of `k8s.io/kubernetes` itself. */
export function wrapperGoMod(kubernetesGoMod: string): string {
  const go = kubernetesGoMod.match(/^go .+$/m)?.[0];
  const staging = [...kubernetesGoMod.matchAll(/^\s*(?:replace\s+)?(\S+) => \.\/staging\/src\/\1\s*$/gm)].map((m) =>
    m[1]!
  );
  if (go === undefined || staging.length === 0) {
    throw new Error(`The go.mod of k8s.io/kubernetes ${KUBE_VERSION} does not look as expected`);
  }
  // Staging modules are published as v0.x.y for Kubernetes v1.x.y.
  const published = KUBE_VERSION.replace(/^v1\./, "v0.");
  return [
    "module herald.test/kube-tools",
    go,
    `require k8s.io/kubernetes ${KUBE_VERSION}`,
    ...staging.map((module) => `replace ${module} => ${module} ${published}`),
    "",
  ].join("\n\n");
}

/** Builds `tools` into the cache folder and returns the folder. Takes two to three minutes for kubectl on two cores. */
async function buildKubeTools(
  tools: readonly KubeTool[],
  options: { readonly report: (line: string) => void },
): Promise<string> {
  const folder = kubeToolsFolder();
  if (folder === undefined) throw new Error("Set XDG_CACHE_HOME or HOME: there is no cache folder to build into");
  await Deno.mkdir(folder, { recursive: true });
  // Beside the destination, so that the last step is a rename: a half-written program is never found.
  const work = await Deno.makeTempDir({ dir: folder, prefix: ".build-" });
  try {
    options.report(`downloading k8s.io/kubernetes ${KUBE_VERSION}`);
    const download = await run("go", ["mod", "download", "-json", `k8s.io/kubernetes@${KUBE_VERSION}`], work);
    const { Dir } = JSON.parse(download) as { Dir: string };
    await Deno.writeTextFile(`${work}/go.mod`, wrapperGoMod(await Deno.readTextFile(`${Dir}/go.mod`)));
    const packages = tools.map((tool) => `k8s.io/kubernetes/cmd/${tool}`);
    const imports = packages.map((path) => `import _ "${path}"`).join("\n");
    await Deno.writeTextFile(`${work}/tools.go`, `//go:build tools\n\npackage tools\n\n${imports}\n`);
    await run("go", ["mod", "tidy"], work);
    options.report(`building ${tools.join(", ")}; this takes some minutes`);
    await Deno.mkdir(`${work}/out`);
    await run("nice", ["-n", "10", "go", "build", "-ldflags", linkFlags(), "-o", `${work}/out/`, ...packages], work);
    for (const tool of tools) await Deno.rename(`${work}/out/${tool}`, `${folder}/${tool}`);
  } finally {
    await Deno.remove(work, { recursive: true });
  }
  return folder;
}

/** Without these the programs report v0.0.0, and clients compare versions. */
function linkFlags(): string {
  const [major, minor] = KUBE_VERSION.slice(1).split(".");
  const facts = [`gitVersion=${KUBE_VERSION}`, `gitMajor=${major}`, `gitMinor=${minor}`];
  return ["-s", "-w", ...facts.map((fact) => `-X k8s.io/component-base/version.${fact}`)].join(" ");
}

/** Runs a program of a build to its end; throws with the end of what it said when it fails. */
export async function run(command: string, args: readonly string[], cwd: string): Promise<string> {
  let output: Deno.CommandOutput;
  try {
    output = await new Deno.Command(command, { args: [...args], cwd, stdin: "null", stdout: "piped", stderr: "piped" })
      .output();
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new Error(`\`${command}\` is not installed; building programs for tests needs Go 1.24 or newer`);
  }
  if (output.success) return new TextDecoder().decode(output.stdout);
  const said = new TextDecoder().decode(output.stderr).split("\n").slice(-40).join("\n");
  throw new Error(`\`${command} ${args.join(" ")}\` ended with ${output.code}:\n${said}`);
}

if (import.meta.main) {
  const report = (line: string) => Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
  const tools = Deno.args.filter((arg): arg is KubeTool => (KUBE_TOOLS as readonly string[]).includes(arg));
  if (tools.length === 0 || tools.length !== Deno.args.length) {
    report(`usage: kube_tools.ts PROGRAM…   one or more of: ${KUBE_TOOLS.join(", ")}`);
    Deno.exit(2);
  }
  // What is on PATH does not count: it may be of any version.
  const withoutPath: ToolLookup = { ...systemLookup, env: (name) => name === "PATH" ? "" : Deno.env.get(name) };
  const missing = tools.filter((tool) => findTool(tool, withoutPath) === undefined);
  if (missing.length > 0) await buildKubeTools(missing, { report });
  for (const tool of tools) report(findTool(tool, withoutPath) ?? `${tool} was not built`);
}
