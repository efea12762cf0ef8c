/** Posts its wake-up's descriptor, then sleeps in poll without limit and counts what woke it: three times. */
import { Poller } from "../../../lib/edge/net/poller.ts";
import { WakeUp } from "../../../lib/edge/net/wake_up.ts";

const scope = globalThis as unknown as { postMessage(message: number): void; close(): void };
const wakeUp = WakeUp.create();
const poller = new Poller();
poller.add(wakeUp.fd);
scope.postMessage(wakeUp.fd);
for (let turn = 1; turn <= 3; turn++) {
  const ready = poller.wait(Infinity);
  wakeUp.drain();
  scope.postMessage(ready.includes(wakeUp.fd) ? turn : -1);
}
wakeUp.close();
