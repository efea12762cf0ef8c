/** Calls of the threads that make load on a real API server and watch what comes of it: types only. */

/** Wall times in ms with a fraction, comparable with those of all threads of this process. */
export interface Creation {
  readonly name: string;
  readonly sentAtMs: number;
  readonly answeredAtMs: number;
}

export interface Sight {
  readonly name: string;
  /** When the watch brought the first version with an address. */
  readonly seenAtMs: number;
}

export type ScaleCalls = {
  connect: { args: { server: string; caPem: string; token: string }; result: null };
  /**
   * Creates Services `PREFIX-0` and so on, side by side. With `give` the client itself writes the status of each right
   * after its creation, as the controller does: that network and a number make the address.
   */
  create: {
    args: { prefix: string; count: number; parallel: number; give?: { network: string } };
    result: { creations: Creation[]; startedAtMs: number; endedAtMs: number };
  };
  /** The same status PATCH again and again, with another address each time: what each took. */
  patch: { args: { name: string; rounds: number; network: string }; result: number[] };
  /** All Services page by page, as the controller asks for them: how long that took, in ms. */
  list: { args: null; result: number };
  /** From here on all Services are watched. */
  watch: { args: null; result: null };
  /** Resolves when so many Services of that prefix showed an address, or with those that did within the limit. */
  seen: { args: { prefix: string; count: number; limitMs: number }; result: Sight[] };
};
