/**
 * SIGTERM and SIGINT: the first asks for an orderly end, the second ends at once. Signal listeners do not keep the
 * process alive (deno-facts §2.2).
 */

export type TerminationSignal = "SIGTERM" | "SIGINT";

const SIGNALS: readonly TerminationSignal[] = ["SIGTERM", "SIGINT"];
/** 128 + number, as shells report it. */
const EXIT_CODES: Readonly<Record<TerminationSignal, number>> = { SIGTERM: 143, SIGINT: 130 };

/** As far as `Deno` is used, so that a test needs no real signals. */
export interface SignalHost {
  addSignalListener(signal: TerminationSignal, listener: () => void): void;
  removeSignalListener(signal: TerminationSignal, listener: () => void): void;
  exit(code: number): void;
}

/** Calls `onTerminate` at the first signal and exits at the second, whichever they are. Returns how to stop listening. */
export function onTermination(
  onTerminate: (signal: TerminationSignal) => void,
  host: SignalHost = Deno,
): () => void {
  let asked = false;
  const listeners = SIGNALS.map((signal) => {
    const listener = () => {
      if (asked) return host.exit(EXIT_CODES[signal]);
      asked = true;
      onTerminate(signal);
    };
    host.addSignalListener(signal, listener);
    return { signal, listener };
  });
  return () => listeners.forEach(({ signal, listener }) => host.removeSignalListener(signal, listener));
}
