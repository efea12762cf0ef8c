import { assertEquals } from "@std/assert/equals";
import { onTermination, type TerminationSignal } from "../../lib/edge/run/signals.ts";

function fakeHost() {
  const listeners = new Map<TerminationSignal, () => void>();
  const exits: number[] = [];
  return {
    listeners,
    exits,
    addSignalListener: (signal: TerminationSignal, listener: () => void) => void listeners.set(signal, listener),
    removeSignalListener: (signal: TerminationSignal) => void listeners.delete(signal),
    exit: (code: number) => void exits.push(code),
  };
}

Deno.test("onTermination: the first signal asks once, the second exits with the shell's code, whichever it is", () => {
  const host = fakeHost();
  const asked: string[] = [];
  onTermination((signal) => asked.push(signal), host);
  host.listeners.get("SIGTERM")!();
  assertEquals([asked, host.exits], [["SIGTERM"], []]);
  host.listeners.get("SIGINT")!();
  assertEquals([asked, host.exits], [["SIGTERM"], [130]]);
  host.listeners.get("SIGTERM")!();
  assertEquals(host.exits, [130, 143]);
});

Deno.test("onTermination: no listener is left after it was stopped", () => {
  const host = fakeHost();
  const stop = onTermination(() => {}, host);
  stop();
  assertEquals(host.listeners.size, 0);
});
