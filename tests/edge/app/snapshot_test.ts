// needs: arping tcpdump curl
/** Speakers without an API server: while they live, and after a restart with `--snapshot-dir`. */
import { assert } from "@std/assert/assert";
import { assertEquals } from "@std/assert/equals";
import { assertStringIncludes } from "@std/assert/string_includes";
import { nodeSocketPath } from "../../../lib/app/node_socket.ts";
import { readSpeakerPage } from "../../../lib/app/status/speaker_page.ts";
import { addressOf, macOf, type Program, type ProgramStage, TOKEN, withPrograms } from "./program_stage.ts";
import { ownerOf, settledOwner, startSpeakers } from "./speakers.ts";
import { answeredBy, arping, canCapture, Capture, curlStatus, unanswered, until } from "./witness.ts";

const HEALTH = "http://127.0.0.1:17472/readyz";

/** The speaker of `node`, which keeps its snapshot in a folder of its own. */
async function startKeeping(stage: ProgramStage, node: string): Promise<Program> {
  const folder = folderOf(stage, node);
  await Deno.mkdir(folder, { recursive: true });
  const flags = [`--snapshot-dir=${folder}`];
  return stage.startSpeaker(node, flags, [`--allow-write=${folder}`, `--allow-net=unix:${nodeSocketPath(folder)}`]);
}

function folderOf(stage: ProgramStage, node: string): string {
  return `${stage.folder}/snapshot-${node}`;
}

async function savedWith(stage: ProgramStage, node: string, address: string): Promise<void> {
  await until(`the snapshot of ${node} holds ${address}`, async () => {
    const text = await Deno.readTextFile(`${folderOf(stage, node)}/speaker.snapshot`).catch(() => "");
    return text.includes(`"${address}"`);
  });
}

/** What root on the node reads without a token. */
async function onNode(stage: ProgramStage, node: string, path: string): Promise<{ status: number; body: string }> {
  const socket = nodeSocketPath(folderOf(stage, node));
  return await curlStatus(stage.lab.host(node), `http://speaker${path}`, ["--unix-socket", socket]);
}

/** How often the packet thread stood still. */
function gapsIn(status: string): number {
  return (JSON.parse(status) as { packetThread: { counters: { gaps?: number } } }).packetThread.counters.gaps ?? 0;
}

async function readiness(stage: ProgramStage, node: string): Promise<{ status: number; body: string }> {
  return await curlStatus(stage.lab.host(node), HEALTH);
}

Deno.test("API outage: speakers go on answering, and when one dies another takes over, without an API server", () =>
  withPrograms({ nodes: 3 }, async (stage, api) => {
    await stage.startController();
    const speakers = await startSpeakers(stage, ["n1", "n2", "n3"]);
    await stage.createService("web");
    const address = await stage.addressOfService("web");
    let owner = await settledOwner(stage, address);
    await api.kill("SIGKILL");
    for (const left of [2, 1]) {
      await speakers.get(owner)!.kill("SIGKILL");
      speakers.delete(owner);
      const successor = await until("another node answers", async () => {
        const now = await ownerOf(stage, address);
        return now !== owner && now;
      });
      assert(speakers.has(successor), `${successor} answers, with ${left} speakers left`);
      owner = successor;
    }
    assertEquals((await arping(stage.client, address, { count: 5 })).macs, Array(5).fill(macOf(owner)));
  }));

Deno.test("API outage: a restarted speaker announces from its snapshot, and nothing flaps when the API comes back", () =>
  withPrograms({ nodes: 1 }, async (stage, api) => {
    await stage.startController();
    let speaker = await startKeeping(stage, "n1");
    for (const name of ["web", "mail"]) await stage.createService(name);
    const [web, mail] = [await stage.addressOfService("web"), await stage.addressOfService("mail")];
    for (const address of [web, mail]) await savedWith(stage, "n1", address);
    const saved = await Deno.readTextFile(`${folderOf(stage, "n1")}/speaker.snapshot`);
    assert(!saved.includes("a secret of the speakers"), "the key of the speakers is in the snapshot");
    await api.kill("SIGKILL");
    await speaker.kill("SIGKILL");
    await unanswered(stage.client, web);

    speaker = await startKeeping(stage, "n1");
    const line = await speaker.logged("announcingFromSnapshot");
    assertEquals([line.level, line["addresses"]], ["warn", 2]);
    for (const address of [web, mail]) await answeredBy(stage.client, address, macOf("n1"));
    const stale = await readiness(stage, "n1");
    assertEquals(stale.status, 503);
    assertStringIncludes(stale.body, "caches");
    // Nobody can say what a token is worth; who owns the node needs none.
    const url = `https://${addressOf("n1")}:9120`;
    const withToken = (path: string) => curlStatus(stage.client, url + path, ["-H", `Authorization: Bearer ${TOKEN}`]);
    assertEquals((await withToken("/status")).status, 500);
    await speaker.logged("tokenReviewsUnanswered");
    const page = readSpeakerPage((await onNode(stage, "n1", "/status")).body);
    if (typeof page === "string") throw new Error(page);
    assertEquals([page.node, page.ready, page.isWhole, page.cutOff], ["n1", false, true, false]);
    assertEquals([page.snapshot.stale, page.api.silent.length, page.interfaces.usable], [
      true,
      page.api.kinds,
      ["eth0"],
    ]);
    assertEquals(
      page.addresses.map(({ address, owned, reason }) => `${address} ${owned} ${reason}`).sort(),
      [
        `${web} true elected`,
        `${mail} true elected`,
      ].sort(),
    );
    assertStringIncludes((await onNode(stage, "n1", "/metrics")).body, "metallb_speaker_announced{");

    const capture = canCapture ? await Capture.start(stage.client) : undefined;
    await capture?.untilBurstsAreOver(web, macOf("n1"));
    const before = await capture?.sentFor(web) ?? [];
    const gapsBefore = gapsIn((await onNode(stage, "n1", "/status")).body);
    await stage.startApi();
    await until("it is ready", async () => (await readiness(stage, "n1")).status === 200);
    const read = async (path: string) => (await withToken(path)).body;
    const { snapshot } = JSON.parse(await read("/status"));
    assertEquals([snapshot.stale, typeof snapshot.restoredFrom], [false, "string"]);
    assertStringIncludes(await read("/metrics"), "metallb_k8s_client_config_stale_bool 0");
    // What is new comes, what stays was not touched: no withdrawal, and not one gratuitous frame.
    await stage.createService("third");
    await answeredBy(stage.client, await stage.addressOfService("third"), macOf("n1"));
    const after = await capture?.sentFor(web) ?? [];
    await capture?.stop();
    // Whoever stood still tells its addresses anew; that is not the API server's doing.
    const gaps = gapsIn(await read("/status")) - gapsBefore;
    assert(after.length === before.length || gaps > 0, `${after.length - before.length} frames more, and ${gaps} gaps`);
    assertEquals(speaker.log().filter(({ event }) => event === "serviceWithdrawn"), []);
  }));

Deno.test("API outage: a snapshot that is damaged, or of another node, is refused and said so; nothing is announced", () =>
  withPrograms({ nodes: 2 }, async (stage, api) => {
    await stage.startController();
    const speaker = await startKeeping(stage, "n1");
    await stage.createService("web");
    const web = await stage.addressOfService("web");
    await savedWith(stage, "n1", web);
    await api.kill("SIGKILL");
    await speaker.kill("SIGKILL");
    await unanswered(stage.client, web);
    const file = `${folderOf(stage, "n1")}/speaker.snapshot`;
    const good = await Deno.readTextFile(file);

    await Deno.mkdir(folderOf(stage, "n2"));
    await Deno.copyFile(file, `${folderOf(stage, "n2")}/speaker.snapshot`);
    await Deno.writeTextFile(file, good.slice(0, good.length / 2));
    const programs = [
      { program: await startKeeping(stage, "n1"), reason: "damaged" },
      { program: await startKeeping(stage, "n2"), reason: "otherNode" },
    ];
    for (const { program, reason } of programs) {
      const line = await program.logged("snapshotRefused");
      assertEquals([line.level, line["reason"]], ["warn", reason]);
    }
    await unanswered(stage.client, web);
    for (const { program } of programs) assertEquals(await program.kill("SIGTERM"), 0);
  }));
