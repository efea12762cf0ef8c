/**
 * Where the guides are read: a real kube-apiserver with the install file applied, the controller as a process, and what
 * a reader looks at afterwards. No node, no pod and no speaker runs here.
 */
import { assertEquals } from "@std/assert/equals";
import { assertStringIncludes } from "@std/assert/string_includes";
import { GuideReader, type ShellOutcome } from "./guide_reader.ts";
import type { RealKubectl } from "./kubectl.ts";
import type { ProgramProcess } from "./program_process.ts";
import { until } from "./until.ts";
import { NAMESPACE, WebhookStage } from "./webhook_stage.ts";

const CUSTOM_KINDS = "ipaddresspool,l2advertisement,bgpadvertisement,bgppeer,bfdprofile,community";

/** The sentence with which a pool is refused, but for the names in it. */
export function overlap(addresses: string, pool: string, by: string, theirs = addresses): string {
  return `spec.addresses[0]: "${addresses}" overlaps with already defined CIDR "${theirs}" of pool "${pool}" by ${by}`;
}

/** Exit code, what kubectl did object by object, and the words on standard error. */
export function assertApplied(outcome: ShellOutcome, did: readonly string[], says: readonly string[] = []): void {
  const { code, stdout, stderr } = outcome;
  const lines = stderr === "" ? [] : stderr.split("\n");
  assertEquals(stdout === "" ? [] : stdout.split("\n"), [...did], stderr);
  assertEquals(lines.length, says.length, stderr);
  for (const words of says) assertStringIncludes(stderr, words);
  const isRefused = lines.some((line) => !line.startsWith("Warning: "));
  assertEquals(code, isRefused ? 1 : 0, stderr);
}

export class GuideWorld {
  readonly stage: WebhookStage;
  #controller: ProgramProcess;

  private constructor(stage: WebhookStage, controller: ProgramProcess) {
    this.stage = stage;
    this.#controller = controller;
  }

  static async start(): Promise<GuideWorld> {
    const stage = await WebhookStage.startInstalled();
    try {
      return new GuideWorld(stage, await stage.startController());
    } catch (error) {
      await stage.stop();
      throw error;
    }
  }

  get kubectl(): RealKubectl {
    return this.stage.kubectl;
  }

  get log(): ProgramProcess["log"] {
    return this.#controller.log;
  }

  reader(guide: string): Promise<GuideReader> {
    const { folder } = this.stage;
    return GuideReader.open({ guide, folder, kubeconfig: `${folder}/kubeconfig` });
  }

  /** The controller with other flags, as after a change of its Deployment. */
  async restart(...flags: readonly string[]): Promise<void> {
    await this.#controller.end("SIGTERM");
    this.#controller = await this.stage.startController({ flags });
  }

  /** A cluster as before the first page: no Service, no object of `metallb.io`, and the controller knows it. */
  async clear(): Promise<void> {
    const { kubectl } = this;
    const services = (await kubectl.ok("get services -o name")).split("\n")
      .filter((name) => name !== "service/kubernetes");
    if (services.length > 0) await kubectl.ok(`delete ${services.join(" ")}`);
    // Services and pools come by two watches, of which either may be late.
    await until("the controller has taken all addresses back", async () => {
      const used = await kubectl.ok(`get ipaddresspool -n ${NAMESPACE} -o jsonpath={.items[*].status.assignedIPv4}`);
      return used.split(" ").every((count) => count === "" || count === "0");
    });
    await kubectl.ok(`delete ${CUSTOM_KINDS} -n ${NAMESPACE} --all`);
  }

  /** Waits until the Service has this address, as `kubectl get service` shows it. */
  async served(service: string, address: string): Promise<void> {
    await this.#shows(address, `get service ${service} -o jsonpath={.status.loadBalancer.ingress[*].ip}`, {
      entirely: true,
    });
  }

  /** Waits until `kubectl describe` of the object says so; the object is e.g. `service web`. */
  async describes(object: string, words: string): Promise<void> {
    await this.#shows(words, `describe ${object}`);
  }

  /** Waits until the pool's status counts so many used and free IPv4 addresses. */
  async counts(pool: string, used: number, free: number): Promise<void> {
    const path = "{.status.assignedIPv4}/{.status.availableIPv4}";
    await this.#shows(`${used}/${free}`, `get ipaddresspool -n ${NAMESPACE} ${pool} -o jsonpath=${path}`, {
      entirely: true,
    });
  }

  /** Waits until the controller's ConfigurationState says this, or does not. */
  async state(words: string, options: { readonly gone?: boolean } = {}): Promise<void> {
    const command = `get configurationstate -n ${NAMESPACE} controller -o jsonpath={.status}`;
    let last = "";
    await until(`the ConfigurationState ${options.gone ? "no longer " : ""}says ${words}`, async () => {
      last = await this.kubectl.ok(command);
      return last.includes(words) !== (options.gone ?? false);
    }).catch((error) => {
      throw new Error(last, { cause: error });
    });
  }

  async #shows(words: string, command: string, options: { readonly entirely?: boolean } = {}): Promise<void> {
    let last = "";
    const isThere = () => options.entirely ? last === words : last.includes(words);
    try {
      await until(`kubectl ${command} shows ${words}`, async () => {
        last = await this.kubectl.ok(command);
        return isThere();
      });
    } catch (error) {
      throw new Error(`it showed: ${last}`, { cause: error });
    }
  }

  async stop(): Promise<void> {
    await this.stage.stop();
  }
}

interface Explained {
  readonly services: readonly {
    readonly allocation: { outcome: string; pool: string | null; addresses: string[]; reason: string; message: string };
  }[];
}

/** What `herald explain` says of one Service on the live cluster. */
export async function explained(reader: GuideReader, service: string, flags = ""): Promise<{
  readonly outcome: string;
  readonly addresses: readonly string[];
  readonly reason: string;
  readonly message: string;
}> {
  const { code, stdout, stderr } = await reader.shell(`herald explain default/${service} -o json ${flags}`);
  assertEquals([code, stderr], [0, ""]);
  const { outcome, addresses, reason, message } = (JSON.parse(stdout) as Explained).services[0]!.allocation;
  return { outcome, addresses, reason, message };
}
