/** Against an embedded API in this process. The Deployment as owner is seen on a real API server (tests/cluster). */
import { assertEquals } from "@std/assert/equals";
import { assertMatch } from "@std/assert/match";
import { assertStringIncludes } from "@std/assert/string_includes";
import { ensureMemberlistSecret } from "../../lib/app/memberlist_secret.ts";
import { RESOURCES } from "../../lib/base/kube.ts";
import { silentLog } from "../../lib/base/log.ts";
import { KubeClient } from "../../lib/edge/kube/client.ts";
import { EmbeddedStage } from "../embedded/embedded_stage.ts";

const TARGET = { namespace: "default", name: "memberlist" };

function stage() {
  const client = new KubeClient({ baseUrl: "http://api" }, { fetch: new EmbeddedStage().api.fetch });
  const ensure = (deployment = "") => ensureMemberlistSecret({ ...TARGET, deployment }, { client, log: silentLog });
  const key = async () => {
    const secret = await client.get(RESOURCES.secrets, TARGET);
    return secret.ok ? atob((secret.value["data"] as Record<string, string>)["secretkey"]!) : undefined;
  };
  return { client, ensure, key };
}

Deno.test("memberlist Secret: 16 random bytes as 22 characters, made once and never changed", async () => {
  const { ensure, key } = stage();
  assertEquals(await ensure(), undefined);
  const first = await key();
  assertMatch(first!, /^[A-Za-z0-9+/]{22}$/);
  assertEquals(await ensure(), undefined);
  assertEquals(await key(), first);
  const other = stage();
  await other.ensure();
  assertEquals(await other.key() === first, false);
});

Deno.test("memberlist Secret: somebody else's is taken as it is", async () => {
  const { client, ensure, key } = stage();
  const body = { metadata: { name: "memberlist" }, stringData: { secretkey: "theirs" } };
  await client.create(RESOURCES.secrets, { namespace: "default", body });
  assertEquals(await ensure(), undefined);
  assertEquals(await key(), "theirs");
});

Deno.test("memberlist Secret: without its owner it is not made, and the reason names it", async () => {
  const { ensure, key } = stage();
  assertStringIncludes(await ensure("controller") ?? "", "Deployment default/controller");
  assertEquals(await key(), undefined);
});
