/**
 * Loads modules of the running kernel, and before each what it needs (modules.dep), as modprobe(8) does: that program is
 * not on every machine whose files the virtual machine uses.
 */
const FINIT_MODULE_X86_64 = 313n;

export function loadKernelModules(folder: string, names: readonly string[]): void {
  const paths = orderToLoad(Deno.readTextFileSync(`${folder}/modules.dep`), names);
  const libc = Deno.dlopen("libc.so.6", {
    open: { parameters: ["buffer", "i32"], result: "i32" },
    syscall: { parameters: ["i64", "i32", "buffer", "i32"], result: "i64" },
  });
  for (const path of paths) {
    if (isLoaded(path)) continue;
    const fd = libc.symbols.open(cString(`${folder}/${path}`), 0);
    const result = libc.symbols.syscall(FINIT_MODULE_X86_64, fd, cString(""), 0);
    if (fd < 0 || result !== 0n) throw new Error(`The kernel did not load ${folder}/${path}`);
  }
  libc.close();
}

/** `modulesDep` has lines `path: needed needed`, what is needed last standing first. */
function orderToLoad(modulesDep: string, names: readonly string[]): ReadonlySet<string> {
  const needs = new Map<string, string[]>();
  for (const line of modulesDep.split("\n")) {
    const [path = "", needed = ""] = line.split(":");
    needs.set(path, needed.split(" ").filter(Boolean).toReversed());
  }
  const order = new Set<string>();
  for (const name of names) {
    const path = [...needs.keys()].find((path) => path.endsWith(`/${name}.ko`));
    if (path === undefined) throw new Error(`This kernel has no module ${name}`);
    for (const needed of needs.get(path)!) order.add(needed);
    order.add(path);
  }
  return order;
}

function isLoaded(path: string): boolean {
  const name = path.replace(/^.*\/|\.ko$/g, "").replaceAll("-", "_");
  return Deno.readTextFileSync("/proc/modules").split("\n").some((line) => line.startsWith(`${name} `));
}

function cString(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(`${text}\0`);
}
