/** The recorded requests about server-side apply on the embedded API, in process. */
import type { JsonObject } from "../../lib/base/json.ts";
import { silentLog } from "../../lib/base/log.ts";
import { SeededRng } from "../../lib/base/rng.ts";
import { EmbeddedApi } from "../../lib/edge/embedded/embedded_api.ts";
import { CRDS, START_MS } from "../embedded/embedded_stage.ts";
import { WIDGET_CRD } from "./apply_requests.ts";
import { applyContract } from "./apply_suite.ts";

applyContract("the embedded API", () => {
  const clock = { now: () => 0, wallMs: () => START_MS };
  const crds = [...CRDS, WIDGET_CRD as unknown as JsonObject];
  const api = new EmbeddedApi({ crds, token: "test-token" }, { clock, rng: new SeededRng(1), log: silentLog });
  return Promise.resolve({
    fetch: (path, init) => api.fetch(new Request(`http://api${path}`, init)),
    stop: () => Promise.resolve(api.close()),
  });
});
