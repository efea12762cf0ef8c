/** What goes into the packet plane and what comes out of it. */
import type { MemberChange } from "../base/member.ts";
import type { Serving } from "../base/serving.ts";
import type { FromPacketThread, InterfaceReport, WantedDelta } from "../base/wanted.ts";
import type { ArpRecord } from "../wire/arp.ts";
import type { NdpRecord } from "../wire/ndp.ts";
import type { AnnouncerEffect } from "./l2/announcer.ts";
import type { GratuitousSchedule } from "./l2/gratuitous.ts";
import type { InterfaceChange } from "./l2/interface.ts";
import type { PeerPlaneOptions } from "./peer_plane.ts";
import type { WatchMessage, WatchState } from "./watch/message.ts";

export type PacketPlaneInput =
  /** The sockets are open: with a complete snapshot, this speaker is alive. */
  | { readonly kind: "opened" }
  | { readonly kind: "delta"; readonly delta: WantedDelta }
  | InterfaceChange
  /** After all of the above that belong to it: all that is usable now, and why the rest is not. */
  | { readonly kind: "interfaces"; readonly report: InterfaceReport }
  | { readonly kind: "arp"; readonly ifindex: number; readonly record: ArpRecord }
  | { readonly kind: "ndp"; readonly ifindex: number; readonly record: NdpRecord }
  | { readonly kind: "watch"; readonly message: WatchMessage; readonly address: string; readonly port: number }
  /** The kernel of a watched peer says that nobody holds its watch port. */
  | { readonly kind: "refused"; readonly node: string }
  /** The idle connection to a watched peer ended: so did, most likely, the process at its other end. */
  | { readonly kind: "lineLost"; readonly node: string }
  | { readonly kind: "member"; readonly change: MemberChange }
  /** The first attempt to join the membership is over, whatever came of it. */
  | { readonly kind: "membersKnown" }
  /** Whether what is wanted comes from a snapshot of before the start; before the first delta, and after the new ones. */
  | { readonly kind: "restored"; readonly restored: boolean }
  /** Whether the control thread hears the API server. */
  | { readonly kind: "api"; readonly reachable: boolean }
  /** The loop stood still; what had queued was discarded. */
  | { readonly kind: "gap"; readonly gapMs: number }
  | { readonly kind: "leave" };

/** In the order in which they must be applied. */
export type PacketPlaneEffect =
  | Exclude<AnnouncerEffect, { readonly kind: "claim" }>
  | {
    readonly kind: "sendWatch";
    readonly address: string;
    readonly port: number;
    readonly message: WatchMessage;
    /** The peer that is probed by it: whether its kernel refuses it is of interest. */
    readonly probed?: string;
  }
  | { readonly kind: "event"; readonly event: FromPacketThread }
  /** Hold an idle connection to this peer's watch port; when it ends, say so. At most one is held per peer. */
  | { readonly kind: "openLine"; readonly node: string; readonly address: string; readonly port: number }
  | { readonly kind: "closeLine"; readonly node: string }
  /** What the membership's Meta should say of this node. */
  | { readonly kind: "serving"; readonly state: WatchState; readonly serving: Serving }
  /** Everything is handed over: the thread may end. */
  | { readonly kind: "left" };

export interface PacketPlaneOptions {
  readonly node: string;
  readonly generation: number;
  /** `undefined`: no watch, every candidate counts as living. */
  readonly watch: Omit<PeerPlaneOptions, "node" | "generation"> | undefined;
  /** Answer nothing while neither the API nor a majority of the peers is seen. */
  readonly safe?: boolean;
  readonly gratuitous?: GratuitousSchedule;
}
