/**
 * Who announced what before this speaker started: where a failback policy leaves addresses where they are, the first
 * snapshot of wanted state says so. What is not known within a second nobody held: to be silent longer would be worse.
 */
import type { WantedAddress } from "../base/wanted.ts";
import { type Schedule, systemSchedule } from "../edge/kube/schedule.ts";

/** What is left of the time before: read once, when the first snapshot is made. */
export interface LastHolders {
  readonly synced: boolean;
  /** `undefined`: nobody, or several. */
  holderOf(serviceKey: string): string | undefined;
}

const WAIT_MS = 1000;

/** Holds the first snapshot up while the holders are not known. */
export class LastHoldersWait {
  readonly #holders: LastHolders | undefined;
  readonly #schedule: Schedule;
  readonly #onLate: () => void;
  #cancel: (() => void) | undefined;
  #isLate = false;

  constructor(
    options: { readonly holders: LastHolders | undefined },
    deps: { readonly schedule?: Schedule | undefined; readonly onLate: () => void },
  ) {
    this.#holders = options.holders;
    this.#schedule = deps.schedule ?? systemSchedule;
    this.#onLate = deps.onLate;
  }

  /** True while the snapshot is to wait; the first time that it is, the time begins. */
  waits(): boolean {
    if (this.#holders === undefined || this.#holders.synced) return false;
    this.#cancel ??= this.#schedule(() => {
      this.#isLate = true;
      this.#onLate();
    }, WAIT_MS);
    return !this.#isLate;
  }

  stop(): void {
    this.#cancel?.();
  }
}

/** The same addresses, each with the one node that held it where one is known. */
export function withLastHolders(
  addresses: ReadonlyMap<string, WantedAddress>,
  lastHolders: LastHolders,
): ReadonlyMap<string, WantedAddress> {
  return new Map([...addresses].map(([address, wanted]) => {
    const holders = new Set(wanted.services.flatMap((key) => lastHolders.holderOf(key) ?? []));
    const [lastHolder] = holders;
    return [address, holders.size === 1 ? { ...wanted, lastHolder: lastHolder! } : wanted];
  }));
}
