/**
 * Loads modules of the running kernel, and before each what it needs, as modprobe(8) does: that program is not on every
 * machine whose files the virtual machine uses, and a package that is not installed has no modules.dep.
 */
const FINIT_MODULE_X86_64 = 313n;

export function loadKernelModules(folder: string, names: readonly string[]): void {
  const libc = Deno.dlopen("libc.so.6", {
    open: { parameters: ["buffer", "i32"], result: "i32" },
    syscall: { parameters: ["i64", "i32", "buffer", "i32"], result: "i64" },
  });
  const loaded = Deno.readTextFileSync("/proc/modules").split("\n").map((line) => line.split(" ")[0]!);
  for (const { name, path } of modulesInOrder(folder, names)) {
    if (loaded.includes(name)) continue;
    const fd = libc.symbols.open(cString(path), 0);
    const result = libc.symbols.syscall(FINIT_MODULE_X86_64, fd, cString(""), 0);
    if (fd < 0 || result !== 0n) throw new Error(`The kernel did not load ${path}`);
  }
  libc.close();
}

export interface KernelModule {
  /** As /proc/modules calls it. */
  readonly name: string;
  readonly path: string;
}

/** These modules below a folder and what they need, each behind what it needs. */
export function modulesInOrder(folder: string, names: readonly string[]): readonly KernelModule[] {
  const paths = new Map(filesBelow(folder).map((path) => [nameOf(path), path]));
  const order = new Map<string, KernelModule>();
  const add = (name: string): void => {
    if (order.has(name)) return;
    const path = paths.get(name);
    if (path === undefined) throw new Error(`There is no module ${name} below ${folder}`);
    for (const needed of needsOf(path)) add(needed);
    order.set(name, { name, path });
  };
  for (const name of names) add(name);
  return [...order.values()];
}

function nameOf(path: string): string {
  return path.replace(/^.*\/|\.ko$/g, "").replaceAll("-", "_");
}

/** What a module says of itself: texts that end with 0, one of them `depends=NAME,NAME`. */
function needsOf(path: string): readonly string[] {
  const text = new TextDecoder("latin1").decode(Deno.readFileSync(path));
  const needed = /\0depends=([^\0]*)\0/.exec(text)?.[1] ?? "";
  return needed.split(",").filter(Boolean).map((name) => name.replaceAll("-", "_"));
}

function filesBelow(folder: string): string[] {
  return [...Deno.readDirSync(folder)].flatMap(({ name, isDirectory }) => {
    const path = `${folder}/${name}`;
    return isDirectory ? filesBelow(path) : path.endsWith(".ko") ? [path] : [];
  });
}

function cString(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(`${text}\0`);
}
