/** Calls of the Worker that plugs cables into a node: types only. */
import type { Ipv4 } from "../../lib/base/ip.ts";

export type NewInterfaceCalls = {
  /** Namespaces of the node and of the client, and the thread that has the node's. */
  open: { args: { nodePath: string; nodeTid: number; clientPath: string }; result: null };
  /** Lays one cable after the other, and tells after how many milliseconds each address was answered over it first. */
  plug: {
    args: { count: number; kernel: Ipv4; herald: Ipv4 };
    result: { readonly kernelMs: Float64Array; readonly heraldMs: Float64Array };
  };
};
