/** The `ServiceL2Status` objects that the API shows, by the Service that they speak of. */
import type { L2StatusView } from "../decision/config/l2_status_view.ts";

export class L2StatusIndex {
  readonly #byName = new Map<string, L2StatusView>();
  readonly #byService = new Map<string, Map<string, L2StatusView>>();

  get size(): number {
    return this.#byName.size;
  }

  all(): Iterable<L2StatusView> {
    return this.#byName.values();
  }

  of(serviceKey: string): L2StatusView[] {
    return [...this.#byService.get(serviceKey)?.values() ?? []];
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
    const list = this.#byService.get(view.serviceKey);
    if (list === undefined) this.#byService.set(view.serviceKey, new Map([[view.name, view]]));
    else list.set(view.name, view);
    return before === view.serviceKey ? undefined : before;
  }

  /** Returns the Service that it spoke of. */
  remove(name: string): string | undefined {
    const view = this.#byName.get(name);
    if (view === undefined) return undefined;
    this.#byName.delete(name);
    const list = this.#byService.get(view.serviceKey);
    list?.delete(name);
    if (list?.size === 0) this.#byService.delete(view.serviceKey);
    return view.serviceKey;
  }
}
