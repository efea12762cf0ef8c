/** Where this node can serve, put together from its interfaces, its link probes and whether it is cut off. */
import type { Mac } from "../../base/mac.ts";
import {
  FAILED_LINK_PROBES_MAX,
  MACS_MAX,
  sameServing,
  type Serving,
  USABLE_INTERFACES_MAX,
} from "../../base/serving.ts";
import { sameTexts } from "../../base/text_list.ts";
import type { InterfaceReport } from "../../base/wanted.ts";
import type { InterfaceChange } from "./interface.ts";

export class SelfServing {
  state: "starting" | "alive" | "leaving" = "starting";
  /** A node that answers nothing serves nowhere. */
  cutOff = false;
  #told: Serving = { usableInterfaces: [], failedLinkProbes: [] };
  #noCarrier: ReadonlySet<string> = new Set();
  #report: InterfaceReport | undefined;
  #hasTold = false;
  readonly #macs = new Map<number, Mac>();
  readonly #failedLinkProbes = new Set<string>();
  readonly #isTellable: (name: string) => boolean;

  constructor(options: { isTellable: (name: string) => boolean }) {
    this.#isTellable = options.isTellable;
  }

  /** What the others hear. */
  get told(): Serving {
    return this.#told;
  }

  /** Interfaces that only lack a link. */
  get noCarrier(): ReadonlySet<string> {
    return this.#noCarrier;
  }

  changeInterface(change: InterfaceChange): void {
    if (change.kind === "interface") this.#macs.set(change.interface.ifindex, change.interface.mac);
    else this.#macs.delete(change.ifindex);
  }

  /** After all of the above that belong to it. */
  setInterfaces(report: InterfaceReport): void {
    this.#report = report;
  }

  setLinkProbe(address: string, answers: boolean): void {
    if (answers) this.#failedLinkProbes.delete(address);
    else this.#failedLinkProbes.add(address);
  }

  /** True when something of it is new. Nothing is said before the interfaces were listed. */
  update(): boolean {
    if (this.#report === undefined) return false;
    const { usable, ipv4Only, refused } = this.#report;
    const usableInterfaces = this.cutOff ? [] : usable.filter(this.#isTellable).slice(0, USABLE_INTERFACES_MAX);
    const told: Serving = {
      usableInterfaces,
      ipv4OnlyInterfaces: usableInterfaces.filter((name) => ipv4Only.includes(name)),
      failedLinkProbes: [...this.#failedLinkProbes].sort().slice(0, FAILED_LINK_PROBES_MAX),
      macs: [...new Set(this.#macs.values())].sort((a, b) => a - b).slice(0, MACS_MAX),
    };
    const noCarrier = refused.filter(({ reason }) => reason === "noCarrier").map(({ name }) => name);
    const isNew = !sameServing(told, this.#told) || !sameTexts(noCarrier, [...this.#noCarrier]) || !this.#hasTold;
    this.#hasTold = true;
    this.#told = told;
    this.#noCarrier = new Set(noCarrier);
    return isNew;
  }
}
