/**
 * `/metrics` in Prometheus' text format, version 0.0.4. Every number is read when Prometheus asks: the program keeps its
 * own counters (the packet thread's lie in shared memory), so the usual client library would only write them out; that
 * is done here, for 3 MB less in each program.
 *
 * Which metrics there are: `metallb_metrics.ts`.
 */
import { Hono } from "hono";
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

const CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8";
const METRIC_NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const LABEL_NAME = /^[a-zA-Z_][a-zA-Z0-9_]*$/;

/** The families of one program. Several may live in one process (demo, tests): nothing is registered globally. */
export class MetricsRegistry {
  readonly #families = new Map<string, MetricFamily>();
  readonly #log: Log;

  constructor(deps: { readonly log: Log }) {
    this.#log = deps.log;
  }

  /** Throws when the name is taken or no metric name: which metrics there are is decided by the program, not by input. */
  register(families: readonly MetricFamily[]): void {
    for (const family of families) {
      const { name, labels = [] } = family;
      if (this.#families.has(name)) throw new RangeError(`the metric ${name} is there already`);
      if (!METRIC_NAME.test(name)) throw new RangeError(`"${name}" is no name for a metric`);
      const strange = labels.find((label) => !LABEL_NAME.test(label));
      if (strange !== undefined) throw new RangeError(`"${strange}" is no name for a label of ${name}`);
      this.#families.set(name, family);
    }
  }

  /** The whole answer to a scrape. */
  text(): string {
    let text = "";
    for (const family of this.#families.values()) {
      const { name, help, type } = family;
      text += `# HELP ${name} ${escaped(help)}\n# TYPE ${name} ${type}\n`;
      for (const [series, value] of this.#read(family)) text += `${series} ${valueText(value)}\n`;
    }
    return text;
  }

  /**
   * Values by series. One family that cannot be read must not hide the others: they are what an alert is made of. Nor
   * must a series that is told twice, for which Prometheus refuses the whole page: the last value counts.
   */
  #read(family: MetricFamily): ReadonlyMap<string, number> {
    const values = new Map<string, number>();
    try {
      const names = family.labels ?? [];
      for (const { labels = {}, value } of family.read()) {
        if (typeof value !== "number" || (family.type === "counter" && !(value >= 0))) {
          throw new RangeError(`${value} is no value for a ${family.type}`);
        }
        const strange = Object.keys(labels).find((label) => !names.includes(label));
        if (strange !== undefined) throw new RangeError(`the label ${strange} is not declared`);
        values.set(seriesText(family.name, labels), value);
      }
      return values;
    } catch (error) {
      this.#log({ level: "error", event: "metricUnreadable", metric: family.name, error: String(error) });
      return new Map();
    }
  }
}

export function metricsApp(deps: { readonly registry: MetricsRegistry }): Hono {
  const app = new Hono();
  app.get("/metrics", (context) => context.body(deps.registry.text(), 200, { "content-type": CONTENT_TYPE }));
  return app;
}

function seriesText(name: string, labels: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(labels).map(([label, value]) => `${label}="${escaped(value).replaceAll('"', '\\"')}"`);
  return pairs.length === 0 ? name : `${name}{${pairs.join(",")}}`;
}

function escaped(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
}

function valueText(value: number): string {
  if (value === Infinity) return "+Inf";
  return value === -Infinity ? "-Inf" : String(value);
}
