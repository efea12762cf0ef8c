// needs: kube-apiserver etcd
// permissions: --allow-all
/** The same random histories of applies and patches on a real kube-apiserver and on the embedded API: equal answers. */
import { assertEquals } from "@std/assert/equals";
import { SeededRng } from "../../lib/base/rng.ts";
import { CRDS, EmbeddedStage } from "../embedded/embedded_stage.ts";
import type { JsonObject } from "../../lib/base/json.ts";
import { WIDGET_CRD } from "../contract/apply_requests.ts";
import { ask } from "../contract/apply_suite.ts";
import { randomRow } from "../support/apply_histories.ts";
import { startWithCrds } from "../support/real_api_with_crds.ts";

const SEEDS = Number(Deno.env.get("HERALD_SEEDS") ?? "8");
const STEPS = 40;

Deno.test("server-side apply: random histories go the same way on kube-apiserver and on the embedded API", async () => {
  const real = await startWithCrds([WIDGET_CRD]);
  const stage = new EmbeddedStage({ crds: [...CRDS, WIDGET_CRD as unknown as JsonObject] });
  const embedded = {
    fetch: (path: string, init: RequestInit) => stage.api.fetch(new Request(`http://api${path}`, init)),
    stop: () => Promise.resolve(),
  };
  try {
    for (let seed = 1; seed <= SEEDS; seed++) {
      const rng = new SeededRng(seed);
      const [there, here] = [new Map<string, string>(), new Map<string, string>()];
      for (let step = 0; step < STEPS; step++) {
        const row = randomRow(rng, { name: `h${seed}`, step });
        const expected = await ask(real, { row, versions: there });
        stage.wallMs += 1_000;
        const found = await ask(embedded, { row, versions: here });
        const text = `HERALD_SEED ${seed}, ${row.name}: ${row.path} ${JSON.stringify(row.body)}`;
        assertEquals(comparable(found), comparable(expected), text);
      }
    }
  } finally {
    await real.stop();
  }
});

/** Refusals of conflicts are compared word for word, others by their code. */
function comparable(answer: Awaited<ReturnType<typeof ask>>): unknown {
  return answer.code >= 400 && answer.code !== 409 ? { code: answer.code } : answer;
}
