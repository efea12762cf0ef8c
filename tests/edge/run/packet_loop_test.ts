import { assert } from "@std/assert/assert";
import { assertEquals } from "@std/assert/equals";
import { LIBC_PATHS } from "../../../lib/edge/net/libc.ts";
import { readProcFile } from "../../../lib/edge/net/namespace.ts";
import { UdpSocket } from "../../../lib/edge/net/udp_socket.ts";
import { pause, until } from "../../support/until.ts";

/** Longer than the loop tolerates as a gap, whatever part of its sleep the stop falls into. */
const STOPPED_MS = 400;

/** Above any mark of a datagram. */
const STOP_YOURSELF = 255;

const WHERE: Readonly<Record<string, (child: Child) => Promise<void>>> = {
  "in its sleep": async ({ isIn, kill }) => {
    await until("it sleeps in poll", () => isIn("S"));
    kill("SIGSTOP");
  },
  "in the middle of a drain": ({ send }) => Promise.resolve(send(STOP_YOURSELF)),
};

interface Child {
  /** By the letter of its state in /proc. */
  isIn(state: string): boolean;
  kill(signal: Deno.Signal): void;
  send(mark: number): void;
}

for (const [where, stop] of Object.entries(WHERE)) {
  Deno.test(`PacketLoop: a process that was stopped ${where} discards what queued meanwhile, and goes on`, async () => {
    const process = new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        "--no-prompt",
        "--no-check",
        "--allow-run",
        `--allow-ffi=${LIBC_PATHS.join(",")}`,
        new URL("./stopped_child.ts", import.meta.url).pathname,
      ],
      stdout: "piped",
      stdin: "null",
    }).spawn();
    const lines = readLines(process.stdout);
    const socket = UdpSocket.bind({ address: "127.0.0.1", port: 0 });
    try {
      const { port } = await lines();
      const send = (mark: number) => void socket.sendTo(new Uint8Array([mark]), "127.0.0.1", port!);
      // A starved child has gaps of its own, and discards what came meanwhile: it is asked again then.
      const echoed = async (mark: number) => {
        do send(mark); while ((await lines())["datagram"] !== mark);
      };
      await echoed(1);
      const isIn = (state: string) => readProcFile(`/proc/${process.pid}/status`).includes(`State:\t${state}`);
      await stop({ isIn, send, kill: (signal) => process.kill(signal) });
      await until("it is stopped", () => isIn("T"));
      for (let mark = 2; mark <= 6; mark++) send(mark);
      await pause(STOPPED_MS);
      process.kill("SIGCONT");
      let [discarded, longestMs] = [0, 0];
      while (discarded < 5 || longestMs === 0) {
        const line = await lines();
        assert((line["datagram"] ?? 1) === 1, `datagram ${line["datagram"]} was taken late`);
        discarded += line["discarded"] ?? 0;
        longestMs = Math.max(longestMs, line["gapMs"] ?? 0);
      }
      assertEquals(discarded, 5);
      assert(longestMs >= STOPPED_MS - 50, `the gap was ${longestMs} ms`);
      await echoed(7);
      socket.sendTo(new Uint8Array(0), "127.0.0.1", port!);
      assertEquals((await process.status).code, 0);
    } finally {
      socket.close();
    }
  });
}

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
