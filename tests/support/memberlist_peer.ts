/**
 * Builds a node of HashiCorp's memberlist 0.5.1, the version that MetalLB pins, from the Go source beside this file, into
 * Herald's cache folder; `findTool("memberlist-peer")` finds it there. It takes ten seconds and happens only when this
 * file is run as a program, which only `.ci/run` does by itself:
 *
 *     deno run --allow-env --allow-read --allow-write --allow-run tests/support/memberlist_peer.ts
 */
import { findTool, MEMBERLIST_PEER, memberlistPeerFolder, run } from "./kube_tools.ts";

async function build(): Promise<string> {
  const folder = memberlistPeerFolder();
  if (folder === undefined) throw new Error("Set XDG_CACHE_HOME or HOME: there is no cache folder to build into");
  await Deno.mkdir(folder, { recursive: true });
  const source = new URL("./memberlist_peer/", import.meta.url).pathname;
  // Beside the destination, so that the last step is a rename: a half-written program is never found.
  const half = `${folder}/.${MEMBERLIST_PEER}-${Deno.pid}`;
  await run("nice", ["-n", "10", "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", half, "."], source);
  await Deno.rename(half, `${folder}/${MEMBERLIST_PEER}`);
  return `${folder}/${MEMBERLIST_PEER}`;
}

if (import.meta.main) {
  const path = findTool(MEMBERLIST_PEER) ?? await build();
  Deno.stdout.writeSync(new TextEncoder().encode(`${path}\n`));
}
