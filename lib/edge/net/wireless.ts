/**
 * Tells Wi-Fi interfaces from others, by what the kernel shows of them below /sys.
 *
 * The firmware of many Wi-Fi chips answers ARP itself for the addresses that its host has, and keeps requests for any
 * other address away from the host: MetalLB's users set such interfaces promiscuous by hand (reference R-42, users-pains
 * P21). netlink's own notices do not tell the kind of hardware; sysfs shows the interfaces of the network namespace in
 * which it was mounted, which is the speaker's in a pod of the host network.
 */
import { O_CLOEXEC, O_RDONLY } from "./abi.ts";
import { Descriptor } from "./descriptor.ts";
import { libc } from "./libc.ts";

/** Of the drivers of today, and of those that knew wireless extensions only. */
const MARKS = ["phy80211", "wireless"];

export function isWireless(interfaceName: string, classFolder = "/sys/class/net"): boolean {
  return MARKS.some((mark) => exists(`${classFolder}/${interfaceName}/${mark}`));
}

function exists(path: string): boolean {
  const fd = libc().open(new TextEncoder().encode(`${path}\0`), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return false;
  new Descriptor(fd).close();
  return true;
}
