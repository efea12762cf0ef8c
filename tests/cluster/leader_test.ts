// needs: kube-apiserver etcd
// permissions: --allow-all
/**
 * Two controllers on a real kube-apiserver: one leads, the other takes over at once when the first says goodbye, after
 * the lease when it dies, and never before a halted one has given up. The audit log tells who wrote what.
 */
import { assert } from "@std/assert/assert";
import { assertEquals } from "@std/assert/equals";
import { RESOURCES } from "../../lib/base/kube.ts";
import { leaseTimes } from "../../lib/decision/control/lease_times.ts";
import { ProgramProcess } from "../support/program_process.ts";
import { RealApiServer } from "../support/real_api_server.ts";
import {
  addressesIn,
  createNamespace,
  createPool,
  ingressOf,
  installKinds,
  loadBalancer,
  must,
  NAMESPACE,
} from "../support/real_cluster.ts";
import { until } from "../support/until.ts";

const LEASE_SECONDS = 5;
const LEASE = "herald-controller";

class Stage {
  readonly server: RealApiServer;
  readonly #folder: string;
  readonly #started = new Map<string, ProgramProcess>();

  private constructor(server: RealApiServer, folder: string) {
    this.server = server;
    this.#folder = folder;
  }

  static async create(): Promise<Stage> {
    const server = await RealApiServer.start({ users: ["one", "two", "three"], audit: true });
    const stage = new Stage(server, await Deno.makeTempDir({ prefix: "herald-leader-" }));
    await installKinds(server);
    await createNamespace(server, NAMESPACE);
    await createPool(server, "first", ["198.51.100.0/24"]);
    return stage;
  }

  async start(user: string, flags: readonly string[] = []): Promise<ProgramProcess> {
    const kubeconfig = `${this.#folder}/${user}`;
    await Deno.writeTextFile(kubeconfig, this.server.kubeconfigOf(user));
    const process = new ProgramProcess({
      kubeconfig,
      api: `127.0.0.1:${this.server.port}`,
      namespace: NAMESPACE,
      flags: [`--pod-name=${user}`, `--leader-elect-lease-seconds=${LEASE_SECONDS}`, ...flags],
    });
    this.#started.set(user, process);
    return process;
  }

  /** The last one that was started as this user. */
  process(user: string): ProgramProcess {
    return this.#started.get(user)!;
  }

  async create(name: string): Promise<void> {
    const body = { ...loadBalancer(name, "default") };
    await must(this.server.admin.create(RESOURCES.services, { namespace: "default", body }));
  }

  /** Resolves when the Service has an address. */
  async served(name: string): Promise<void> {
    await until(`${name} has an address`, async () => {
      const object = await must(this.server.admin.get(RESOURCES.services, { namespace: "default", name }));
      return ingressOf(object).length > 0;
    });
  }

  async holder(): Promise<string> {
    const lease = await must(this.server.admin.get(RESOURCES.leases, { namespace: NAMESPACE, name: LEASE }));
    return (lease["spec"] as { holderIdentity?: string }).holderIdentity ?? "";
  }

  /** What a user wrote, but for the Lease: `verb resource`. */
  async writesOf(user: string): Promise<string[]> {
    const writing = new Set(["create", "update", "patch", "delete", "deletecollection"]);
    return (await this.server.audited())
      .filter(({ verb, user: { username } }) => username === user && writing.has(verb))
      .map(({ verb, objectRef }) => `${verb} ${objectRef?.resource}`);
  }

  async noAddressTwice(): Promise<void> {
    const all = [...(await addressesIn(this.server, "default")).values()].flat();
    assertEquals(new Set(all).size, all.length);
  }

  async close(): Promise<void> {
    for (const process of this.#started.values()) await process.end("SIGKILL");
    await this.server.stop();
    await Deno.remove(this.#folder, { recursive: true });
  }
}

Deno.test("Hand-over between controllers on a real kube-apiserver", async (test) => {
  const stage = await Stage.create();
  try {
    const one = await stage.start("one");
    await one.logged("leaderElected");
    await stage.create("s1");
    await stage.served("s1");
    const two = await stage.start("two");
    await two.logged("leaderSeen");

    await test.step("a follower fills its caches and writes nothing at all", async () => {
      await stage.create("s2");
      await stage.served("s2");
      await until("the follower lists Services", async () => {
        return (await stage.server.audited()).some(({ user, verb, objectRef }) =>
          user.username === "two" && verb === "watch" && objectRef?.resource === "services"
        );
      });
      assertEquals(await stage.writesOf("two"), []);
      assert((await stage.holder()).startsWith("one_"));
    });

    await test.step("SIGTERM: the lease is given back, and the other serves without waiting for its end", async () => {
      await stage.create("s3");
      const ended = one.end("SIGTERM");
      await stage.create("s4");
      await two.logged("leaderElected");
      // Told only by who takes a lease that was not given back.
      assertEquals(two.log.filter(({ event }) => event === "leaseTaken"), []);
      assertEquals(await ended, 0);
      await stage.served("s3");
      await stage.served("s4");
      await stage.noAddressTwice();
    });

    await test.step("kill -9: the other waits for the end of the lease, and then serves", async () => {
      const three = await stage.start("three");
      await three.logged("leaderSeen");
      const began = performance.now();
      await two.end("SIGKILL");
      await stage.create("s5");
      await stage.served("s5");
      const servedMs = performance.now() - began;
      await three.logged("leaseTaken");
      assert(servedMs < 2 * LEASE_SECONDS * 1000, `served after ${servedMs} ms`);
      await stage.noAddressTwice();
    });

    await test.step("a leader that is halted for longer than its lease writes nothing when it wakes", async () => {
      const three = stage.process("three");
      const next = await stage.start("one");
      await next.logged("leaderSeen");
      three.signal("SIGSTOP");
      await stage.create("s6");
      await next.logged("leaderElected");
      await stage.served("s6");
      const before = (await stage.writesOf("three")).length;
      await stage.create("s7");
      three.signal("SIGCONT");
      await three.logged("leadershipLost");
      await stage.create("s8");
      await stage.served("s7");
      await stage.served("s8");
      assertEquals((await stage.writesOf("three")).slice(before).filter((write) => !write.endsWith("leases")), []);
      await stage.noAddressTwice();
      // The same process leads again when the other goes.
      const electedBefore = three.log.filter(({ event }) => event === "leaderElected").length;
      assertEquals(await next.end("SIGTERM"), 0);
      await until("it leads again", () => {
        return three.log.filter(({ event }) => event === "leaderElected").length > electedBefore;
      });
      await stage.create("s9");
      await stage.served("s9");
      await stage.noAddressTwice();
    });

    await test.step("a container that is started anew after kill -9 does not wait the whole lease", async () => {
      await stage.process("three").end("SIGKILL");
      const again = await stage.start("three");
      const seen = await again.logged("leaderSeen");
      const taken = await again.logged("leaseTaken");
      assertEquals(taken["waitMs"], LEASE_SECONDS * 1000 / 5);
      const waited = Date.parse(String(taken["ts"])) - Date.parse(String(seen["ts"]));
      assert(waited < leaseTimes(LEASE_SECONDS * 1000).termMs, `taken ${waited} ms after it was seen`);
      await stage.create("s10");
      await stage.served("s10");
      await stage.noAddressTwice();
    });

    await test.step("with --leader-elect=false there is no Lease to ask", async () => {
      const before = (await stage.server.audited()).filter(({ user }) => user.username === "two").length;
      await stage.process("three").end("SIGTERM");
      const alone = await stage.start("two", ["--leader-elect=false"]);
      await stage.create("s11");
      await stage.served("s11");
      const asked = (await stage.server.audited()).filter(({ user }) => user.username === "two").slice(before);
      assertEquals(asked.filter(({ objectRef }) => objectRef?.resource === "leases"), []);
      assertEquals(await alone.end("SIGTERM"), 0);
    });
  } finally {
    await stage.close();
  }
});
