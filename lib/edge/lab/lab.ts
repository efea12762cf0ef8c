/**
 * A laboratory: hosts on one Ethernet switch, all inside this process. Each host and the switch is a Worker with its own
 * network namespace, connected by veth pairs.
 *
 * Nothing is created or named in the namespace that the process runs in, so its end cleans up, also by kill -9. Works as
 * root and below `unshare -Ur` (no -n: main stays in the host's network). Ask `labRequirements` first to tell a user
 * what is missing.
 */
import { invariant } from "../../base/assert.ts";
import type { Mac } from "../../base/mac.ts";
import type { HostCalls, SwitchCalls } from "./calls.ts";
import { LabHost } from "./lab_host.ts";
import { WorkerCaller } from "./worker_caller.ts";

export interface LabHostOptions {
  readonly name: string;
  /** `192.168.77.11/24` */
  readonly address: string;
  /** More of the same form, any family. */
  readonly moreAddresses?: readonly string[];
  /** Default `eth0`. Not `veth…`, which MetalLB excludes. */
  readonly interface?: string;
  /** Default: the kernel's choice. */
  readonly mac?: Mac;
}

export class Lab {
  readonly #switch: WorkerCaller<SwitchCalls>;
  readonly #hosts = new Map<string, LabHost>();

  private constructor(switchCaller: WorkerCaller<SwitchCalls>) {
    this.#switch = switchCaller;
  }

  /** Throws `SysError` when namespaces or links cannot be made; everything made until then is gone with the throw. */
  static async create(options: { hosts: readonly LabHostOptions[] }): Promise<Lab> {
    const names = new Set(options.hosts.map((host) => host.name));
    invariant(names.size === options.hosts.length, "Hosts of a laboratory have different names");
    const url = new URL("./switch_worker.ts", import.meta.url);
    const lab = new Lab(new WorkerCaller<SwitchCalls>({ url, label: "switch", network: false }));
    try {
      await lab.#switch.call("start", null);
      await Promise.all(options.hosts.map((host) => lab.addHost(host)));
      return lab;
    } catch (error) {
      await lab.close();
      throw error;
    }
  }

  get hosts(): readonly LabHost[] {
    return [...this.#hosts.values()];
  }

  host(name: string): LabHost {
    const host = this.#hosts.get(name);
    invariant(host !== undefined, `The laboratory has no host "${name}"`);
    return host;
  }

  /** Another host on the same switch, with its cable in and its addresses working. */
  async addHost(options: LabHostOptions): Promise<LabHost> {
    invariant(!this.#hosts.has(options.name), `The laboratory has a host "${options.name}" already`);
    const url = new URL("./host_worker.ts", import.meta.url);
    const caller = new WorkerCaller<HostCalls>({ url, label: `host ${options.name}`, network: true });
    try {
      const thread = await caller.call("start", null);
      const interfaceName = options.interface ?? "eth0";
      const mac = options.mac === undefined ? {} : { mac: options.mac };
      const { port } = await this.#switch.call("connect", { tid: thread.tid, interface: interfaceName, ...mac });
      const addresses = [options.address, ...options.moreAddresses ?? []];
      await caller.call("configure", { interface: interfaceName, addresses });
      const setCable = (plugged: boolean) => this.#switch.call("setCable", { port, plugged });
      const host = new LabHost({ name: options.name, interface: interfaceName, thread }, { caller, setCable });
      this.#hosts.set(options.name, host);
      return host;
    } catch (error) {
      caller.terminate();
      throw error;
    }
  }

  async close(): Promise<void> {
    await Promise.allSettled(this.hosts.map((host) => host.close()));
    this.#hosts.clear();
    this.#switch.terminate();
  }
}
