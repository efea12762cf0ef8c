/**
 * Debian's kernel as `linux-image-amd64` installs it, without installing it: the package is taken apart into Herald's
 * cache folder, with the modules that tests load and an initramfs that makes the host's files the root of an emulated
 * machine (by 9p). `findTool("debian-kernel")` finds it there. It downloads 71 MB, and only when this file is run as a
 * program, which only `.ci/run` does by itself:
 *
 *     deno run --allow-env --allow-read --allow-write --allow-run tests/support/debian_kernel.ts
 */
import { modulesInOrder } from "../edge/kernel/kernel_modules.ts";
import { DEBIAN_KERNEL, debianKernelFolder, findTool, run } from "./kube_tools.ts";

/** The host's files are seen through these. */
const ROOT_MODULES = ["virtio_pci", "9pnet_virtio", "9p"];
const TEST_MODULES = ["mac80211_hwsim"];

const INIT = (insmod: string) =>
  `#!/bin/busybox sh
export PATH=/bin
${insmod}
busybox mount -t 9p -o trans=virtio,version=9p2000.L,ro,cache=loose,msize=512000 root /root
exec busybox switch_root /root "$HERALD_INIT"
`;

async function build(): Promise<string> {
  const folder = debianKernelFolder();
  if (folder === undefined) throw new Error("Set XDG_CACHE_HOME or HOME: there is no cache folder to build into");
  await Deno.mkdir(folder, { recursive: true });
  const work = await Deno.makeTempDir({ dir: folder, prefix: ".build-" });
  try {
    const depends = await run("apt-cache", ["depends", "linux-image-amd64"], work);
    const image = /Depends: (linux-image-\S+-amd64)$/m.exec(depends)?.[1];
    if (image === undefined) throw new Error(`This is no Debian for amd64: ${depends}`);
    await run("apt-get", ["download", "-qq", image, "busybox-static"], work);
    for await (const { name } of Deno.readDir(work)) {
      if (name.endsWith(".deb")) await run("dpkg", ["-x", name, "."], work);
    }
    const version = image.replace("linux-image-", "");
    const modules = `${work}/lib/modules/${version}`;
    await Deno.mkdir(`${folder}/modules`, { recursive: true });
    for (const { name, path } of modulesInOrder(modules, TEST_MODULES)) {
      await Deno.copyFile(path, `${folder}/modules/${name}.ko`);
    }
    await Deno.writeFile(`${folder}/initramfs`, initramfs(modules, Deno.readFileSync(`${work}/bin/busybox`)));
    // Last, and by its name: what is half made is never found.
    await Deno.chmod(`${work}/boot/vmlinuz-${version}`, 0o755);
    await Deno.rename(`${work}/boot/vmlinuz-${version}`, `${folder}/${DEBIAN_KERNEL}`);
  } finally {
    await Deno.remove(work, { recursive: true });
  }
  return `${folder}/${DEBIAN_KERNEL}`;
}

function initramfs(modules: string, busybox: Uint8Array): Uint8Array<ArrayBuffer> {
  const archive = new CpioArchive();
  for (const name of ["bin", "dev", "modules", "root"]) archive.add(name, { mode: 0o040755 });
  archive.add("dev/console", { mode: 0o020600, device: [5, 1] });
  archive.add("bin/busybox", { mode: 0o100755, content: busybox });
  const loaded = modulesInOrder(modules, ROOT_MODULES);
  for (const { name, path } of loaded) {
    archive.add(`modules/${name}.ko`, { mode: 0o100644, content: Deno.readFileSync(path) });
  }
  const init = INIT(loaded.map(({ name }) => `busybox insmod /modules/${name}.ko`).join("\n"));
  archive.add("init", { mode: 0o100755, content: new TextEncoder().encode(init) });
  return archive.finish();
}

/** The format "newc" (Linux Documentation/driver-api/early-userspace/buffer-format.rst). */
class CpioArchive {
  readonly #parts: Uint8Array[] = [];
  #inode = 1;

  add(
    name: string,
    { mode = 0, content = new Uint8Array(0), device = [0, 0] as readonly [number, number] }: {
      mode?: number;
      content?: Uint8Array;
      device?: readonly [major: number, minor: number];
    },
  ): void {
    const title = new TextEncoder().encode(`${name}\0`);
    const fields = [this.#inode++, mode, 0, 0, 1, 0, content.length, 0, 0, ...device, title.length, 0];
    const header = `070701${fields.map((field) => field.toString(16).padStart(8, "0")).join("")}`;
    this.#padded(new TextEncoder().encode(header), title);
    this.#padded(content);
  }

  finish(): Uint8Array<ArrayBuffer> {
    this.add("TRAILER!!!", {});
    const bytes = new Uint8Array(this.#parts.reduce((sum, part) => sum + part.length, 0));
    let at = 0;
    for (const part of this.#parts) {
      bytes.set(part, at);
      at += part.length;
    }
    return bytes;
  }

  /** Together up to a multiple of four. */
  #padded(...parts: readonly Uint8Array[]): void {
    const length = parts.reduce((sum, part) => sum + part.length, 0);
    this.#parts.push(...parts, new Uint8Array(-length & 3));
  }
}

if (import.meta.main) {
  const path = findTool(DEBIAN_KERNEL) ?? await build();
  Deno.stdout.writeSync(new TextEncoder().encode(`${path}\n`));
}
