// needs: arping tcpdump
/** Five thousand addresses on one node, on a cable: counts and order; how fast it is belongs to the benchmarks. */
import { assert } from "@std/assert/assert";
import { NODE_MAC, PacketStage } from "./packet_stage.ts";
import { canCapture, Capture, type Frame, until } from "./witness.ts";

const ADDRESSES = Array.from({ length: 5000 }, (_, i) => `198.18.${i >> 8}.${i & 255}`);
/** Sender addresses 198.18.0.0/16. */
const OURS = "c612";

/** The request form of announcements, by sender address, in the order of the cable. */
function announced(frames: readonly Frame[]): string[] {
  const node = NODE_MAC.replaceAll(":", "");
  return frames.filter(({ hex }) =>
    hex.slice(40, 44) === "0001" && hex.slice(44, 56) === node && hex.slice(56, 60) === OURS
  ).map(({ hex }) => hex.slice(56, 64));
}

Deno.test("Many addresses: all are told in their order, within seconds, and never as a flood", {
  ignore: !canCapture,
}, () =>
  PacketStage.run(async (stage) => {
    const capture = await Capture.start(stage.client);
    stage.want(...ADDRESSES.map((address) => ({ address })));
    await until("all are owned", () => stage.owned().size === ADDRESSES.length + 1);
    await until("all are told", async () => new Set(announced(await capture.frames())).size === ADDRESSES.length);
    await stage.answered("eth0", NODE_MAC, ADDRESSES.at(-1)!);
    const frames = await capture.stop();
    // Firsts go in order; repeats of the early ones may come between.
    const firsts = [...new Set(announced(frames))];
    const wanted = ADDRESSES.map((address) =>
      address.split(".").map((octet) => Number(octet).toString(16).padStart(2, "0")).join("")
    );
    const stray = firsts.findIndex((address, index) => address !== wanted[index]);
    // What a starved process withholds comes later, with the announcement after the gap.
    assert(
      stray === -1 || stage.gaps > 0,
      `${firsts[stray]} instead of ${wanted[stray]}, the ${stray}th of ${firsts.length}`,
    );
    // 20 announcements, 5 repeats and 4 probes a millisecond, and what a late turn of the loop may catch up with.
    const perTenMs = new Map<number, number>();
    for (const { at } of frames) perTenMs.set(Math.floor(at * 100), (perTenMs.get(Math.floor(at * 100)) ?? 0) + 1);
    const most = Math.max(...perTenMs.values());
    assert(most <= 2 * (256 + 64 + 64) + 290, `${most} frames in ten milliseconds, with ${stage.gaps} gaps`);
  }));
