/** Why an interface is not announced on, for people. */
import type { InterfaceRefusal } from "../../base/wanted.ts";

const TEXTS: Readonly<Record<InterfaceRefusal, string>> = {
  excluded: "excluded by its name",
  down: "set down",
  noCarrier: "no link",
  dormant: "up, but waiting: dormant",
  enslaved: "part of a bridge, bond, team or VRF",
  noArp: "no ARP",
  noBroadcast: "no broadcast",
  noMac: "no Ethernet address",
  notOpened: "the kernel gave no socket",
};

/** A reason that a newer speaker has is shown as it is. */
export function refusalText(reason: string): string {
  return Object.hasOwn(TEXTS, reason) ? TEXTS[reason as InterfaceRefusal] : reason;
}
