/** What the witness of gratuitous ARP is told and tells: types only. */
import type { Ipv4 } from "../../lib/base/ip.ts";
import type { Mac } from "../../lib/base/mac.ts";

export interface WitnessInit {
  readonly namespacePath: string;
  readonly interface: string;
  /** The eventfd that ends it. */
  readonly wakeFd: number;
}

export interface GratuitousFrame {
  readonly ip: Ipv4;
  readonly mac: Mac;
  /** Wall time in ms with a fraction; compares with that of all threads of this process. */
  readonly seenAtMs: number;
}

export type WitnessMessage =
  | { readonly kind: "listening" }
  | { readonly kind: "frame"; readonly frame: GratuitousFrame }
  | { readonly kind: "failed"; readonly message: string }
  | { readonly kind: "ended" };
