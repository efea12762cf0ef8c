// needs: serf namespaces
import { assert } from "@std/assert/assert";
import { assertEquals } from "@std/assert/equals";
import type { Lab } from "../../../lib/edge/lab/lab.ts";
import { METALLB_VERSIONS } from "../../../lib/protocol/swim/swim.ts";
import { addressOf, GossipingSpeaker, PORT, until, withLab } from "./gossip_stage.ts";

/** serf's agents merge states only with nodes whose delegates speak with theirs (wire-facts §1.7). */
const VERSIONS = { ...METALLB_VERSIONS, delegateMin: 2, delegateMax: 5, delegateCurrent: 4 };
/** 32 bytes, so that memberlist's key is the secret itself. */
const SECRET = new TextEncoder().encode("0123456789abcdef0123456789abcdef");
const OTHER_SECRET = new TextEncoder().encode("fedcba9876543210fedcba9876543210");

/** An event of nobody's, to know a place in serf's log by. */
const MARK = "herald-leaves";

/** serf's RPC is on the loopback of each host. */
async function startSerf(lab: Lab, index: number, more: readonly string[] = []) {
  const host = lab.host(`h${index}`);
  const bind = `${addressOf(index)}:${PORT}`;
  const child = await host.spawn("serf", [
    "agent",
    "-node",
    `s${index}`,
    "-bind",
    bind,
    "-log-level",
    "debug",
    ...more,
  ]);
  const serf = {
    child,
    command: (...args: string[]) => host.run("serf", args),
    /** Names and states, as serf sees them. */
    members: async () => {
      const { stdout } = await host.run("serf", ["members"]);
      return new Map(stdout.split("\n").map((line) => line.split(/\s+/)).map(([name, , state]) => [name, state]));
    },
  };
  await until(`serf of h${index} answers`, async () => (await serf.command("info")).code === 0);
  return serf;
}

function speaker(lab: Lab, more: { secret?: Uint8Array } = {}): GossipingSpeaker {
  return new GossipingSpeaker(lab.host("h1"), { node: "n1", address: addressOf(1), versions: VERSIONS, ...more });
}

function meets(secret: Uint8Array | undefined): Promise<void> {
  return withLab(3, async (lab) => {
    const key = secret === undefined ? [] : ["-encrypt", secret.toBase64()];
    const herald = speaker(lab, secret === undefined ? {} : { secret });
    // Herald calls one; it hears of the other by gossip.
    const s2 = await startSerf(lab, 2, key);
    const s3 = await startSerf(lab, 3, [...key, "-join", addressOf(2)]);
    herald.name([{ node: "s2", address: addressOf(2) }]);
    for (const name of ["s2", "s3"]) {
      await until(`Herald sees ${name}`, async () => await herald.stateOf(name) === "alive");
    }
    for (const serf of [s2, s3]) {
      await until("serf sees Herald", async () => (await serf.members()).get("n1") === "alive");
    }
    // A crash: found out by probes.
    await s3.child.kill("SIGKILL");
    await until("Herald sees s3 dead", async () => await herald.stateOf("s3") === "dead");
    assert(
      herald.logged("memberSuspected").length > 0 || herald.logged("memberFailed").length > 0,
      "nothing was logged",
    );
    // It comes back, and calls Herald.
    const again = await startSerf(lab, 3, [...key, "-join", addressOf(1)]);
    await until("Herald sees s3 again", async () => await herald.stateOf("s3") === "alive");
    // It leaves.
    await again.command("leave");
    await until("Herald sees s3 leave", async () => await herald.stateOf("s3") === "left");
    // Herald leaves; without serf's own word for it serf calls that failed. It takes Herald's word: it suspects nothing.
    await s2.command("event", MARK);
    await herald.stop();
    await until("serf sees Herald gone", async () => {
      const state = (await s2.members()).get("n1");
      return state === "failed" || state === "left";
    });
    await s2.child.kill("SIGKILL");
    const { stdout, stderr } = await s2.child.result();
    const log = (stdout + stderr).split("\n");
    const marked = log.findIndex((line) => line.includes(MARK));
    assert(marked !== -1, `serf's log has no mark:\n${stdout}${stderr}`);
    assertEquals(log.slice(marked).filter((line) => line.includes("Suspect n1")), []);
  });
}

function comesBack(): Promise<void> {
  return withLab(2, async (lab) => {
    const serf = await startSerf(lab, 2);
    const herald = speaker(lab);
    herald.name([{ node: "s2", address: addressOf(2) }]);
    await until("serf sees Herald", async () => (await serf.members()).get("n1") === "alive");
    await herald.cut();
    await until("serf calls Herald failed", async () => (await serf.members()).get("n1") === "failed");
    const again = speaker(lab);
    again.name([{ node: "s2", address: addressOf(2) }]);
    await until("serf sees Herald again", async () => (await serf.members()).get("n1") === "alive");
    const own = (await again.members()).get("n1")!;
    assert(own.incarnation > 1, `its incarnation is ${own.incarnation}`);
    await again.cut();
  });
}

function changesKeys(): Promise<void> {
  return withLab(2, async (lab) => {
    const herald = speaker(lab, { secret: OTHER_SECRET });
    const keyring = await Deno.makeTempFile({ prefix: "herald-keyring-", suffix: ".json" });
    try {
      await Deno.writeTextFile(keyring, JSON.stringify([SECRET.toBase64()]));
      const serf = await startSerf(lab, 2, ["-keyring-file", keyring]);
      herald.name([{ node: "s2", address: addressOf(2) }]);
      await new Promise((resolve) => setTimeout(resolve, 2000));
      assertEquals([await herald.stateOf("s2"), (await serf.members()).get("n1")], [undefined, undefined]);
      // The Secret changes: its key is understood at once, and whoever speaks with it is answered with it.
      herald.changeSecret(SECRET);
      await serf.command("join", addressOf(1));
      await until(
        "they see each other",
        async () => await herald.stateOf("s2") === "alive" && (await serf.members()).get("n1") === "alive",
      );
      // serf takes a second key into use; Herald has both.
      await serf.command("keys", "-install", OTHER_SECRET.toBase64());
      await serf.command("keys", "-use", OTHER_SECRET.toBase64());
      const before = herald.logged("memberSuspected").length;
      await new Promise((resolve) => setTimeout(resolve, 4000));
      assertEquals(await herald.stateOf("s2"), "alive");
      assertEquals([(await serf.members()).get("n1"), herald.logged("memberSuspected").length], ["alive", before]);
    } finally {
      await herald.cut();
      await Deno.remove(keyring);
    }
  });
}

const STEPS: readonly [name: string, step: () => Promise<void>][] = [
  ["in plain text each joins the other, dies, comes back and leaves, and the other sees it", () => meets(undefined)],
  ["encrypted they do the same", () => meets(SECRET)],
  ["a Herald speaker that was killed is called failed, and takes it back when it starts anew", comesBack],
  ["another key is not let in, and the keys change without losing anybody", changesKeys],
];

/** They wait for seconds to pass, so they do it together; each has its own network. */
Deno.test("serf", async (t) => {
  const alone = { sanitizeOps: false, sanitizeResources: false, sanitizeExit: false };
  const passed = await Promise.all(STEPS.map(([name, fn]) => t.step({ name, fn, ...alone })));
  assert(passed.every(Boolean), "see the steps");
});
