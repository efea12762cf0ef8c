/** The `ServiceL2Status` objects that the API shows, by the Service that they speak of. */
import type { L2StatusView } from "../decision/config/l2_status_view.ts";

export class L2StatusIndex {
  readonly #byName = new Map<string, L2StatusView>();
  readonly #byService = new Map<string, readonly L2StatusView[]>();

  get size(): number {
    return this.#byName.size;
  }

  all(): Iterable<L2StatusView> {
    return this.#byName.values();
  }

  of(serviceKey: string): readonly L2StatusView[] {
    return this.#byService.get(serviceKey) ?? [];
  }

  /** Node that announces a Service, where all objects agree; also one that is dead by now. */
  holderOf(serviceKey: string): string | undefined {
    const nodes = new Set(this.of(serviceKey).map(({ node }) => node));
    return nodes.size === 1 ? [...nodes][0] : undefined;
  }

  /** Returns the Service that it spoke of before, if that was another one. */
  set(view: L2StatusView): string | undefined {
    const before = this.#byName.get(view.name)?.serviceKey;
    this.remove(view.name);
    this.#byName.set(view.name, view);
    this.#byService.set(view.serviceKey, [...this.of(view.serviceKey), view]);
    return before === view.serviceKey ? undefined : before;
  }

  /** Returns the Service that it spoke of. */
  remove(name: string): string | undefined {
    const view = this.#byName.get(name);
    if (view === undefined) return undefined;
    this.#byName.delete(name);
    const left = this.of(view.serviceKey).filter((other) => other !== view);
    if (left.length === 0) this.#byService.delete(view.serviceKey);
    else this.#byService.set(view.serviceKey, left);
    return view.serviceKey;
  }
}
