/**
 * The metrics in Prometheus' text format. Every number is read when Prometheus asks: the program keeps its own counters
 * (the packet thread's lie in shared memory) and never calls into this library in a hot path.
 *
 * Which metrics there are: `metallb_metrics.ts`. This file is the one place that knows prom-client.
 */
import { Counter, Gauge, Registry } from "prom-client";
import type { Log } from "../../base/log.ts";

export interface Sample {
  readonly labels?: Readonly<Record<string, string>>;
  readonly value: number;
}

/** One metric name with its series. */
export interface MetricFamily {
  readonly name: string;
  readonly help: string;
  /** A counter's values must never go down while the process lives; who provides them sees to that. */
  readonly type: "counter" | "gauge";
  readonly labels?: readonly string[];
  /** All series of now: a series that is not listed any more disappears from the answer. */
  read(): Iterable<Sample>;
}

/** The families of one program. Several may live in one process (demo, tests): nothing is registered globally. */
export class MetricsRegistry {
  readonly #registry: Registry;
  readonly #log: Log;

  constructor(options: { readonly registry?: Registry }, deps: { readonly log: Log }) {
    this.#registry = options.registry ?? new Registry();
    this.#log = deps.log;
  }

  /** Throws when the name is taken or no metric name: which metrics there are is decided by the program, not by input. */
  register(families: readonly MetricFamily[]): void {
    for (const family of families) this.#registerOne(family);
  }

  /** The whole answer to a scrape. */
  async text(): Promise<string> {
    return await this.#registry.metrics();
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  #registerOne(family: MetricFamily): void {
    const { name, help, type, labels = [] } = family;
    const read = (): readonly Sample[] => this.#read(family);
    const configuration = { name, help, labelNames: [...labels], registers: [this.#registry] };
    if (type === "counter") {
      new Counter({
        ...configuration,
        collect() {
          this.reset();
          for (const sample of read()) this.inc({ ...sample.labels }, sample.value);
        },
      });
    } else {
      new Gauge({
        ...configuration,
        collect() {
          this.reset();
          for (const sample of read()) this.set({ ...sample.labels }, sample.value);
        },
      });
    }
  }

  /** One family that cannot be read must not hide the others: they are what an alert is made of. */
  #read(family: MetricFamily): readonly Sample[] {
    try {
      const samples = [...family.read()];
      const names = family.labels ?? [];
      for (const { labels = {}, value } of samples) {
        if (typeof value !== "number" || (family.type === "counter" && !(value >= 0))) {
          throw new RangeError(`${value} is no value for a ${family.type}`);
        }
        const strange = Object.keys(labels).find((label) => !names.includes(label));
        if (strange !== undefined) throw new RangeError(`the label ${strange} is not declared`);
      }
      return samples;
    } catch (error) {
      this.#log({ level: "error", event: "metricUnreadable", metric: family.name, error: String(error) });
      return [];
    }
  }
}
