// permissions: --allow-read=. --allow-env=KUBEBUILDER_ASSETS,XDG_CACHE_HOME,HOME,PATH
import { assertEquals } from "@std/assert/equals";
import { assertThrows } from "@std/assert/throws";
import { findTool, kubeToolsFolder, type ToolLookup, wrapperGoMod } from "../support/kube_tools.ts";

function lookup(env: Readonly<Record<string, string>>, files: readonly string[]): ToolLookup {
  return { arch: "x86_64", env: (name) => env[name], isExecutable: (path) => files.includes(path) };
}

Deno.test("KubeTools: nothing is found on an empty machine", () => {
  assertEquals(findTool("kubectl", lookup({}, [])), undefined);
  assertEquals(kubeToolsFolder(lookup({}, [])), undefined);
});

Deno.test("KubeTools: a relative folder in the environment is ignored", () => {
  assertEquals(kubeToolsFolder(lookup({ XDG_CACHE_HOME: "cache", HOME: "home" }, [])), undefined);
  assertEquals(
    findTool("kubectl", lookup({ PATH: ".:bin", KUBEBUILDER_ASSETS: "bin" }, ["./kubectl", "bin/kubectl"])),
    undefined,
  );
});

Deno.test("KubeTools: KUBEBUILDER_ASSETS goes before the cache, the cache before PATH", () => {
  const env = { KUBEBUILDER_ASSETS: "/assets", XDG_CACHE_HOME: "/cache", HOME: "/h", PATH: "/usr/bin:/bin" };
  const cached = "/cache/herald/kube-v1.34.2-x86_64/kubectl";
  assertEquals(findTool("kubectl", lookup(env, ["/assets/kubectl", cached, "/bin/kubectl"])), "/assets/kubectl");
  assertEquals(findTool("kubectl", lookup(env, [cached, "/bin/kubectl"])), cached);
  assertEquals(findTool("kubectl", lookup(env, ["/bin/kubectl"])), "/bin/kubectl");
});

Deno.test("KubeTools: other commands are looked for on PATH and in sbin, never in the cache", () => {
  const env = { KUBEBUILDER_ASSETS: "/assets", HOME: "/h", PATH: "/bin" };
  assertEquals(findTool("tcpdump", lookup(env, ["/assets/tcpdump", "/usr/sbin/tcpdump"])), "/usr/sbin/tcpdump");
  assertEquals(findTool("tcpdump", lookup(env, ["/assets/tcpdump"])), undefined);
});

Deno.test("KubeTools: a go.mod that looks otherwise is refused", () => {
  assertThrows(() => wrapperGoMod(""), Error, "does not look as expected");
  assertThrows(() => wrapperGoMod("module k8s.io/kubernetes\n\ngo 1.24.0\n"), Error, "does not look as expected");
});

Deno.test("KubeTools: every staging module is replaced by its published version", () => {
  const goMod = [
    "module k8s.io/kubernetes",
    "go 1.24.0",
    "require (\n\tk8s.io/api v0.0.0\n)",
    "replace (\n\tk8s.io/api => ./staging/src/k8s.io/api\n\tk8s.io/client-go => ./staging/src/k8s.io/client-go\n)",
    "",
  ].join("\n\n");
  const lines = wrapperGoMod(goMod).split("\n").filter(Boolean);
  assertEquals(lines, [
    "module herald.test/kube-tools",
    "go 1.24.0",
    "require k8s.io/kubernetes v1.34.2",
    "replace k8s.io/api => k8s.io/api v0.34.2",
    "replace k8s.io/client-go => k8s.io/client-go v0.34.2",
  ]);
});
