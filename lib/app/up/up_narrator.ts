/**
 * What happens, for people: one line with the time of day per thing, from the log of both programs and from the files.
 *
 * Both programs judge the same configuration: what one of them has said of a problem the other does not say again.
 */
import type { Log, LogEvent } from "../../base/log.ts";
import { type Clock, formatWallTime } from "../../base/time.ts";
import { type Output, printable, type Style, styled } from "../cli/output.ts";

export class UpNarrator {
  readonly #output: Output;
  readonly #clock: Clock;
  /** How often each problem was told. */
  readonly #problems = new Map<string, number>();

  constructor(deps: { readonly output: Output; readonly clock: Clock }) {
    this.#output = deps.output;
    this.#clock = deps.clock;
  }

  tell(line: string, style?: Style): void {
    // Of `2026-01-31T12:34:56.789Z`; in UTC, as the programs' own log.
    const time = formatWallTime(this.#clock.wallMs()).slice(11, 19);
    const text = style === undefined ? printable(line) : styled(this.#output, printable(line), style);
    this.#output.write(`${styled(this.#output, time, "dim")}  ${text}\n`);
  }

  /** A log for one program: of it what a person wants to know. */
  ear(): Log {
    const heard = new Map<string, number>();
    return (event) => {
      const sentence = sentenceOf(event);
      if (sentence === undefined) return;
      const { text, style } = sentence;
      if (event.event === "configurationProblem" && this.#toldByOther(text, heard)) return;
      this.tell(text, style);
    };
  }

  /** A problem that went and came again is heard twice of each program, and told twice. */
  #toldByOther(text: string, heard: Map<string, number>): boolean {
    const times = (heard.get(text) ?? 0) + 1;
    if (heard.size >= PROBLEMS_MAX) heard.clear();
    heard.set(text, times);
    if (times <= (this.#problems.get(text) ?? 0)) return true;
    if (this.#problems.size >= PROBLEMS_MAX) this.#problems.clear();
    this.#problems.set(text, times);
    return false;
  }
}

/** Of different texts; beyond, one may be told twice. */
const PROBLEMS_MAX = 10_000;

interface Sentence {
  readonly text: string;
  readonly style?: Style;
}

/** What the interfaces of an address lack that nobody can announce. */
const NOWHERE: Readonly<Record<string, string>> = {
  noCarrier: "have no link",
  noIpv6: "have no IPv6 link-local address",
};

function sentenceOf(event: LogEvent): Sentence | undefined {
  const list = (name: string) => Array.isArray(event[name]) ? (event[name] as unknown[]).join(", ") : "";
  switch (event.event) {
    case "ipAllocated":
      return { text: `${event["service"]} gets ${list("ips")} from pool ${event["pool"]}`, style: "green" };
    case "ipReleased":
      return { text: `${event["service"]} gives ${list("ips")} back` };
    case "allocationFailed":
      return { text: `${event["service"]} gets no address: ${event["message"]}`, style: "red" };
    case "clearAssignment":
      return { text: `${event["service"]} may not keep its address: ${event["message"]}`, style: "yellow" };
    case "serviceAnnounced":
      return { text: `${list("ips")} is announced here for ${list("services")}`, style: "green" };
    case "announcedNowhere": {
      const why = NOWHERE[String(event["reason"])] ?? "are not there";
      return {
        text: `${list("ips")} cannot be announced: its interfaces ${why} (${list("services")})`,
        style: "yellow",
      };
    }
    case "serviceWithdrawn":
      return { text: `${list("ips")} is not announced any more` };
    case "configurationProblem": {
      const { severity, kind, namespace, name, path, error } = event;
      const object = namespace === "" ? name : `${namespace}/${name}`;
      const where = `${kind} ${object}${path === "" ? "" : ` ${path}`}`;
      return { text: `${severity}: ${where}: ${error}`, style: severity === "error" ? "red" : "yellow" };
    }
    default:
      if (event.level !== "error" && event.level !== "warn") return undefined;
      return {
        text: [event.event, event["error"] ?? event["message"] ?? event["reason"] ?? []].flat().join(": "),
        style: "yellow",
      };
  }
}
