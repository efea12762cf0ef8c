import { assert } from "@std/assert/assert";
import { assertEquals } from "@std/assert/equals";
import { LIBC_PATHS } from "../../../lib/edge/net/libc.ts";
import { readProcFile } from "../../../lib/edge/net/namespace.ts";
import { UdpSocket } from "../../../lib/edge/net/udp_socket.ts";
import { pause, until } from "../../support/until.ts";

/** Longer than the loop tolerates as a gap, whatever part of its sleep the stop falls into. */
const STOPPED_MS = 400;

Deno.test("PacketLoop: a process that was stopped discards what queued meanwhile, and goes on", async () => {
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--no-prompt",
      "--no-check",
      `--allow-ffi=${LIBC_PATHS.join(",")}`,
      new URL("./stopped_child.ts", import.meta.url).pathname,
    ],
    stdout: "piped",
    stdin: "null",
  }).spawn();
  const lines = readLines(child.stdout);
  const socket = UdpSocket.bind({ address: "127.0.0.1", port: 0 });
  try {
    const { port } = await lines();
    const send = (mark: number) => socket.sendTo(new Uint8Array([mark]), "127.0.0.1", port!);
    // A starved child has gaps of its own, and discards what came meanwhile: it is asked again then.
    const echoed = async (mark: number) => {
      do send(mark); while ((await lines())["datagram"] !== mark);
    };
    await echoed(1);
    const isIn = (state: string) => readProcFile(`/proc/${child.pid}/status`).includes(`State:\t${state}`);
    // In the middle of a turn it would go on with that turn later.
    await until("it sleeps in poll", () => isIn("S"));
    child.kill("SIGSTOP");
    await until("it is stopped", () => isIn("T"));
    for (let mark = 2; mark <= 6; mark++) send(mark);
    await pause(STOPPED_MS);
    child.kill("SIGCONT");
    let [discarded, longestMs] = [0, 0];
    while (discarded < 5) {
      const line = await lines();
      assert((line["datagram"] ?? 1) === 1, `datagram ${line["datagram"]} was taken late`);
      discarded += line["discarded"] ?? 0;
      longestMs = Math.max(longestMs, line["gapMs"] ?? 0);
    }
    assertEquals(discarded, 5);
    assert(longestMs >= STOPPED_MS - 50, `the gap was ${longestMs} ms`);
    await echoed(7);
    socket.sendTo(new Uint8Array(0), "127.0.0.1", port!);
    assertEquals((await child.status).code, 0);
  } finally {
    socket.close();
  }
});

function readLines(stream: ReadableStream<Uint8Array<ArrayBuffer>>): () => Promise<Record<string, number>> {
  const reader = stream.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  return async () => {
    while (!text.includes("\n")) {
      const { value, done } = await reader.read();
      if (done) throw new Error("The child ended");
      text += value;
    }
    const end = text.indexOf("\n");
    const line = JSON.parse(text.slice(0, end));
    text = text.slice(end + 1);
    return line;
  };
}
