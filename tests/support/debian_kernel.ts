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
    // A fresh machine may have no lists of what there is.
    await run("apt-get", ["update", "-qq"], work);
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
    await Deno.writeFile(`${folder}/initramfs`, await initramfs(modules, work));
    // Last, and by its name: what is half made is never found.
    await Deno.chmod(`${work}/boot/vmlinuz-${version}`, 0o755);
    await Deno.rename(`${work}/boot/vmlinuz-${version}`, `${folder}/${DEBIAN_KERNEL}`);
  } finally {
    await Deno.remove(work, { recursive: true });
  }
  return `${folder}/${DEBIAN_KERNEL}`;
}

/** The archive that the kernel unpacks at its start, made by the busybox that runs in it. */
async function initramfs(modules: string, work: string): Promise<Uint8Array> {
  const root = `${work}/initramfs`;
  for (const name of ["bin", "dev", "modules", "root"]) await Deno.mkdir(`${root}/${name}`, { recursive: true });
  await run("mknod", ["-m", "600", `${root}/dev/console`, "c", "5", "1"], work);
  await Deno.copyFile(`${work}/bin/busybox`, `${root}/bin/busybox`);
  const loaded = modulesInOrder(modules, ROOT_MODULES);
  for (const { name, path } of loaded) await Deno.copyFile(path, `${root}/modules/${name}.ko`);
  const init = INIT(loaded.map(({ name }) => `busybox insmod /modules/${name}.ko`).join("\n"));
  await Deno.writeTextFile(`${root}/init`, init, { mode: 0o755 });
  const archive = `find . | ../bin/busybox cpio -o -H newc > ../initramfs.cpio`;
  await run("sh", ["-c", archive], root);
  return await Deno.readFile(`${work}/initramfs.cpio`);
}

if (import.meta.main) {
  const path = findTool(DEBIAN_KERNEL) ?? await build();
  Deno.stdout.writeSync(new TextEncoder().encode(`${path}\n`));
}
