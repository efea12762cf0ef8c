/**
 * A node with a Wi-Fi interface and an access point of hostapd's on the same simulated air (mac80211_hwsim), which has a
 * network namespace of its own. The node's network is the machine's own: /sys shows no other.
 */
import { PacketPort } from "../../../lib/app/packet_port.ts";
import type { FromPacketThread, InterfaceReport } from "../../../lib/base/wanted.ts";
import { until } from "../../support/until.ts";

export const ADDRESS = "192.168.77.200";
/** The kernel's for its first simulated radio. */
export const NODE_MAC = "02:00:00:00:00:00";

const NO_INTERFACES: InterfaceReport = { usable: [], ipv4Only: [], refused: [] };

const ACCESS_POINT = ["interface=wlan1", "driver=nl80211", "ssid=herald", "hw_mode=g", "channel=1"];

export class WifiStage {
  readonly #events: FromPacketThread[];
  /** Holds the namespace of the access point. */
  readonly #holder: Deno.ChildProcess;
  /** What runs beside the access point. */
  readonly #children = new Set<Deno.ChildProcess>();

  private constructor(events: FromPacketThread[], holder: Deno.ChildProcess) {
    this.#events = events;
    this.#holder = holder;
  }

  static async run(test: (stage: WifiStage) => Promise<void>): Promise<void> {
    const holder = new Deno.Command("unshare", { args: ["--net", "sleep", "infinity"], stdin: "null" }).spawn();
    const events: FromPacketThread[] = [];
    const packets = new PacketPort(
      {
        node: "n1",
        generation: 1,
        watch: undefined,
        exclusions: ["^lo$", "^hwsim0$"],
        namespacePath: undefined,
      },
      { onEvent: (event) => events.push(event) },
    );
    packets.send({
      generation: 1,
      upsertAddresses: [{ address: ADDRESS, candidates: ["n1"], interfaces: "all", services: ["default/web"] }],
      removeAddresses: [],
      upsertPeers: [],
      removePeers: [],
      complete: true,
    });
    const stage = new WifiStage(events, holder);
    try {
      await until("the second radio is in the air of the access point", async () => {
        return (await output("iw", ["phy", "phy1", "set", "netns", `${holder.pid}`])).success;
      });
      await output("ip", ["link", "set", "wlan0", "up"]);
      await test(stage);
      stage.expectAlive();
    } finally {
      await packets.cut();
      holder.kill("SIGKILL");
    }
  }

  expectAlive(): void {
    const failed = this.#events.find((event) => event.kind === "failed");
    if (failed !== undefined) throw new Error(`The packet thread ended: ${JSON.stringify(failed)}`);
  }

  /** On the side of the access point; what it prints. */
  async besideAccessPoint(command: string, args: readonly string[]): Promise<string> {
    const { stdout, stderr } = await output("nsenter", ["-t", `${this.#holder.pid}`, "-n", command, ...args]);
    return new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
  }

  /** Until `stop`. */
  spawnBesideAccessPoint(command: string, args: readonly string[]): Deno.ChildProcess {
    const line = ["-t", `${this.#holder.pid}`, "-n", command, ...args];
    const child = new Deno.Command("nsenter", { args: line, stdin: "null", stdout: "null" }).spawn();
    this.#children.add(child);
    return child;
  }

  async stop(child: Deno.ChildProcess): Promise<void> {
    if (!this.#children.delete(child)) return;
    child.kill("SIGTERM");
    await child.status;
  }

  async tidy(): Promise<void> {
    for (const child of this.#children) await this.stop(child);
    this.expectAlive();
  }

  async startAccessPoint(): Promise<Deno.ChildProcess> {
    await Deno.writeTextFile("/run/hostapd.conf", ACCESS_POINT.map((line) => `${line}\n`).join(""));
    const child = this.spawnBesideAccessPoint("hostapd", ["/run/hostapd.conf"]);
    await until("it is on the air", async () => {
      return (await this.besideAccessPoint("ip", ["link", "show", "wlan1"])).includes("state UP");
    });
    return child;
  }

  /** The node joins the access point's network; again where it lost that, as emulated radios do on a busy host. */
  async join(): Promise<void> {
    let [link, state] = ["", ""];
    await until(() => `wlan0 is used; it is ${state} and says "${link}"; ${JSON.stringify(this.report)}`, async () => {
      link = new TextDecoder().decode((await output("iw", ["dev", "wlan0", "link"])).stdout).trim();
      state = (await Deno.readTextFile("/sys/class/net/wlan0/operstate")).trim();
      if (link.startsWith("Connected")) return this.report.usable.join() === "wlan0";
      await output("iw", ["dev", "wlan0", "connect", "-w", "herald"]);
      return false;
    });
  }

  /** MAC addresses in the answers to some questions. */
  async answers(): Promise<readonly string[]> {
    const said = await this.besideAccessPoint("arping", [
      ...["-c", "2", "-W", "0.5", "-i", "wlan1", "-S", "192.168.77.51", ADDRESS],
    ]);
    return [...said.matchAll(/bytes from ([0-9a-f:]{17})/g)].map((match) => match[1]!);
  }

  get report(): InterfaceReport {
    return this.#events.findLast((event) => event.kind === "interfaces")?.report ?? NO_INTERFACES;
  }

  /** That it has ever reported. */
  refusals(): ReadonlySet<string> {
    return new Set(
      this.#events.flatMap((event) =>
        event.kind === "interfaces" ? event.report.refused.map(({ reason }) => reason) : []
      ),
    );
  }

  /** The card looks around, of which the kernel tells with a notice that has nothing of the link but its name. */
  async scan(): Promise<void> {
    await until("the scan is over", async () => (await output("iw", ["dev", "wlan0", "scan"])).success);
  }

  logs(name: string): readonly string[] {
    return this.#events.flatMap((event) =>
      event.kind === "log" && event.event.event === name ? [String(event.event["interface"])] : []
    );
  }
}

function output(command: string, args: readonly string[]): Promise<Deno.CommandOutput> {
  return new Deno.Command(command, { args: [...args], stdin: "null", stdout: "piped", stderr: "piped" }).output();
}
