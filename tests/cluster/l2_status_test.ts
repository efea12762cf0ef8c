// needs: kube-apiserver etcd
// permissions: --allow-all
/** The life of `ServiceL2Status` objects on a real API server, through deaths, restarts and an outage (reference §6.7). */
import { assertEquals } from "@std/assert/equals";
import { L2StatusWriter } from "../../lib/app/l2_status_writer.ts";
import { RESOURCES } from "../../lib/base/kube.ts";
import { decodeL2Status, type L2StatusView } from "../../lib/decision/config/l2_status_view.ts";
import type { StatusClaim } from "../../lib/decision/plan/status_plan.ts";
import { systemClock } from "../../lib/edge/run/clock.ts";
import { systemRng } from "../../lib/edge/run/random.ts";
import { RealApiServer } from "../support/real_api_server.ts";
import { createNamespace, installKinds, must, NAMESPACE } from "../support/real_cluster.ts";
import { until } from "../support/until.ts";

const SILENT: StatusClaim = { state: "silent", interfaces: "all", others: new Set(), isOver: false };
const ANNOUNCED: StatusClaim = { ...SILENT, state: "announced" };

/** What a speaker claims of each Service, and its writer. */
class Claims {
  readonly #claims = new Map<string, StatusClaim>();
  readonly writer: L2StatusWriter;

  constructor(server: RealApiServer, { node, podName = "" }: { node: string; podName?: string }) {
    this.writer = new L2StatusWriter({ namespace: NAMESPACE, node, podName }, {
      client: server.admin,
      clock: systemClock,
      rng: systemRng(),
      log: () => {},
      claimOf: (key) => this.#claims.get(key) ?? SILENT,
    });
    this.writer.start();
  }

  say(claims: Record<string, StatusClaim>): void {
    for (const [key, claim] of Object.entries(claims)) {
      this.#claims.set(key, claim);
      this.writer.touch(key);
    }
  }
}

async function shown(server: RealApiServer): Promise<L2StatusView[]> {
  const { items } = await must(server.admin.list(RESOURCES.serviceL2Statuses, { namespace: NAMESPACE }));
  return items.flatMap((item) => {
    const decoded = decodeL2Status(item);
    return decoded.ok ? [decoded.value] : [];
  });
}

/** `service node interfaces` of those that have a status. */
async function told(server: RealApiServer): Promise<string[]> {
  return (await shown(server)).filter(({ isFilled }) => isFilled)
    .map(({ serviceKey, node, interfaces }) => [serviceKey, node, ...interfaces].join(" ")).sort();
}

async function becomes(server: RealApiServer, expected: string[]): Promise<void> {
  try {
    await until("the objects say so", async () => {
      return (await told(server)).join() === expected.join() && (await shown(server)).length === expected.length;
    });
  } catch {
    assertEquals(await told(server), expected);
  }
}

Deno.test("ServiceL2Status on a real API server", async (test) => {
  const server = await RealApiServer.start();
  const speakers: Claims[] = [];
  const speaker = (options: { node: string; podName?: string }) => {
    const made = new Claims(server, options);
    speakers.push(made);
    return made;
  };
  try {
    await installKinds(server);
    await createNamespace(server, NAMESPACE);
    const first = speaker({ node: "n1" });

    await test.step("who announces keeps one object for each Service, with the interfaces that were asked for", async () => {
      first.say({ "shop/web": ANNOUNCED, "shop/api": { ...ANNOUNCED, interfaces: ["eth1", "eth0"] } });
      await becomes(server, ["shop/api n1 eth1 eth0", "shop/web n1"]);
      first.say({ "shop/api": { ...ANNOUNCED, interfaces: ["eth2"] } });
      await becomes(server, ["shop/api n1 eth2", "shop/web n1"]);
      first.say({ "shop/api": ANNOUNCED });
      await becomes(server, ["shop/api n1", "shop/web n1"]);
    });

    await test.step("it is removed with the announcement, and what somebody removed is made anew", async () => {
      first.say({ "shop/api": SILENT });
      await becomes(server, ["shop/web n1"]);
      const [only] = await shown(server);
      await must(server.admin.remove(RESOURCES.serviceL2Statuses, { namespace: NAMESPACE, name: only!.name }));
      await until("there is another one", async () => {
        const [now] = await shown(server);
        return now !== undefined && now.name !== only!.name && now.isFilled;
      });
    });

    await test.step("the successor removes what a dead owner left behind", async () => {
      await first.writer.stop();
      speaker({ node: "n2" }).say({ "shop/web": ANNOUNCED });
      await becomes(server, ["shop/web n2"]);
    });

    await test.step("a restart adopts the object: the same one, now of the new Pod", async () => {
      const [before] = await shown(server);
      await speakers[1]!.writer.stop();
      const pod = await must(server.admin.create(RESOURCES.pods, {
        namespace: NAMESPACE,
        body: {
          metadata: { name: "speaker-2", namespace: NAMESPACE },
          spec: { nodeName: "n2", containers: [{ name: "speaker", image: "herald" }] },
        },
      }));
      const again = speaker({ node: "n2", podName: "speaker-2" });
      again.say({ "shop/web": { ...ANNOUNCED, state: "undecided" } });
      await until("it is seen", () => again.writer.holderOf("shop/web") === "n2");
      assertEquals((await shown(server))[0], before);
      again.say({ "shop/web": ANNOUNCED });
      await until("it has an owner", async () => {
        return (await shown(server))[0]!.ownerUids.includes(pod.metadata.uid!);
      });
      assertEquals((await shown(server)).map(({ uid }) => uid), [before!.uid]);
    });

    await test.step("what changed while the API server was away is made up for", async () => {
      const second = speakers[2]!;
      await server.restart(async () => {
        second.say({ "shop/web": SILENT, "shop/api": ANNOUNCED, "shop/new": { ...ANNOUNCED, interfaces: ["eth0"] } });
        await new Promise((done) => setTimeout(done, 1000));
      });
      await becomes(server, ["shop/api n2", "shop/new n2 eth0"]);
    });

    await test.step("who leaves takes its objects along", async () => {
      await speakers[2]!.writer.stop(30_000);
      await becomes(server, []);
    });
  } finally {
    await Promise.all(speakers.map(({ writer }) => writer.stop()));
    await server.stop();
  }
});
