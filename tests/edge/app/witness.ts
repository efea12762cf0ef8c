/**
 * Independent witnesses inside a laboratory host: Debian's arping (Thomas Habets), tcpdump and curl, and what they saw
 * as data. Nothing here knows Herald's own codecs.
 */
import type { LabChild, LabHost } from "../../../lib/edge/lab/lab_host.ts";
import { readProcFile } from "../../../lib/edge/net/namespace.ts";
import { pause, until } from "../../support/until.ts";

export { pause, until };

export interface ArpingResult {
  readonly sent: number;
  /** Requests that were answered at least once. */
  readonly received: number;
  /** Answers beyond the first to a request. */
  readonly extra: number;
  /** Of all answers, in order. */
  readonly macs: readonly string[];
}

/** Asks `count` times, 100 ms apart, and waits for up to a second for the last answer. `args`: more of arping's own. */
export async function arping(
  host: LabHost,
  address: string,
  { count = 1, device = host.interface, args = [] as readonly string[] } = {},
): Promise<ArpingResult> {
  const line = ["-c", `${count}`, "-W", "0.1", "-i", device, ...args, address];
  const { stdout, stderr } = await host.run("arping", line);
  const summary = /(\d+) packets transmitted, (\d+) packets received, +\d+% unanswered \((-?\d+) extra\)/.exec(stdout);
  if (summary === null) throw new Error(`arping said: ${stdout}${stderr}`);
  const macs = [...stdout.matchAll(/bytes from ([0-9a-f:]{17})/g)].map((match) => match[1]!);
  return { sent: Number(summary[1]), received: Number(summary[2]), extra: Number(summary[3]), macs };
}

/** Asks until `mac` answers, and nobody else any more. */
export async function answeredBy(client: LabHost, address: string, mac: string, limitMs?: number): Promise<void> {
  await until(`${address} is answered by ${mac}`, async () => {
    const { macs, extra } = await arping(client, address);
    return macs.length === 1 && macs[0] === mac && extra <= 0;
  }, limitMs);
}

/** Asks until nobody answers. */
export async function unanswered(client: LabHost, address: string, limitMs?: number): Promise<void> {
  await until(
    `${address} is not answered`,
    async () => (await arping(client, address, { count: 2 })).macs.length === 0,
    limitMs,
  );
}

/** The body, or `undefined` when curl failed within `timeoutMs`. */
export async function curl(
  host: LabHost,
  url: string,
  options: { timeoutMs?: number; args?: readonly string[] } = {},
): Promise<string | undefined> {
  const { timeoutMs = 10_000, args = [] } = options;
  const result = await host.run("curl", ["-sS", "-m", String(timeoutMs / 1000), ...args, url]);
  return result.code === 0 ? result.stdout : undefined;
}

/** Status code and body of a URL, certificates not checked. */
export async function curlStatus(
  host: LabHost,
  url: string,
  args: readonly string[] = [],
): Promise<{ readonly status: number; readonly body: string }> {
  const { stdout } = await host.run("curl", ["-skS", "-m", "20", "-w", "\n%{http_code}", ...args, url]);
  const at = stdout.lastIndexOf("\n");
  return { status: Number(stdout.slice(at + 1)), body: stdout.slice(0, at) };
}

export interface Frame {
  /** Seconds of the wall clock. */
  readonly at: number;
  readonly bytes: Uint8Array;
  /** The same as hexadecimal text. */
  readonly hex: string;
}

/** False below `unshare -Ur`: Debian's tcpdump sets its groups, which is not allowed there. */
export const canCapture = readProcFile("/proc/self/setgroups").trim() !== "deny";

/** tcpdump on one interface of a host, from the moment it listens until `stop`. */
export class Capture {
  readonly #child: LabChild;
  readonly #path: string;

  private constructor(child: LabChild, path: string) {
    this.#child = child;
    this.#path = path;
  }

  static async start(host: LabHost, filter = "arp", device = host.interface): Promise<Capture> {
    const path = await Deno.makeTempFile({ prefix: "herald-capture-" });
    // Room for whole frames would be 64 KiB each, and a burst of a hundred would not find any.
    const command = 'exec tcpdump -Z root -i "$1" -n -e -tt -xx -l -s 256 --immediate-mode "$2" >"$3" 2>"$3.err"';
    const child = await host.spawn("sh", ["-c", command, "sh", device, filter, path]);
    await until("tcpdump listens", async () => (await textOf(`${path}.err`)).includes("listening on"));
    return new Capture(child, path);
  }

  async frames(): Promise<Frame[]> {
    return parseFrames(await textOf(this.#path));
  }

  /** ARP frames whose sender protocol address is `address`, from `mac` where given. */
  async sentFor(address: string, mac?: string): Promise<Frame[]> {
    const sender = address.split(".").map((part) => Number(part).toString(16).padStart(2, "0")).join("");
    const hardware = mac?.replaceAll(":", "");
    return (await this.frames()).filter(({ hex }) =>
      hex.slice(24, 28) === "0806" && hex.slice(56, 64) === sender &&
      (hardware === undefined || hex.slice(44, 56) === hardware)
    );
  }

  /** Waits until the bursts of `mac` for `address` are over: they come every 1.1 s, and none came for twice as long. */
  async untilBurstsAreOver(address: string, mac: string): Promise<void> {
    for (let seen = -1;;) {
      const now = (await this.sentFor(address, mac)).filter(({ hex }) => hex.startsWith("ffffffffffff")).length;
      if (now === seen) return;
      seen = now;
      await pause(2_500);
    }
  }

  async stop(): Promise<Frame[]> {
    await this.#child.kill("SIGINT");
    await this.#child.result();
    const frames = await this.frames();
    await Deno.remove(this.#path);
    await Deno.remove(`${this.#path}.err`);
    return frames;
  }
}

/** tcpdump's `-tt -xx` text: a line with the time, then lines of 16 bytes. */
function parseFrames(text: string): Frame[] {
  const frames: Frame[] = [];
  for (const part of text.split(/^(?=\d+\.\d+ )/m)) {
    const at = Number(/^(\d+\.\d+) /.exec(part)?.[1]);
    if (Number.isNaN(at)) continue;
    const hex = [...part.matchAll(/^\t0x[0-9a-f]+: +([0-9a-f ]+)$/gm)].map((match) => match[1]!.replaceAll(" ", ""))
      .join("");
    if (hex !== "") frames.push({ at, hex, bytes: Uint8Array.fromHex(hex) });
  }
  return frames;
}

/** Empty while there is no such file: what writes it may not have begun. */
export async function textOf(path: string): Promise<string> {
  return await Deno.readTextFile(path).catch(() => "");
}
