/** The suite on the embedded API, in process. */
import { SeededRng } from "../../lib/base/rng.ts";
import { silentLog } from "../../lib/base/log.ts";
import { EmbeddedApi } from "../../lib/edge/embedded/embedded_api.ts";
import { CRDS, START_MS } from "../embedded/embedded_stage.ts";
import { embeddedContract } from "./embedded_suite.ts";

embeddedContract("the embedded API", () => {
  const clock = { now: () => 0, wallMs: () => START_MS };
  const api = new EmbeddedApi({ crds: CRDS, token: "test-token" }, {
    clock,
    rng: new SeededRng(1),
    log: silentLog,
  });
  return Promise.resolve({
    fetch: (path, init) => api.fetch(new Request(`http://api${path}`, init)),
    stop: () => Promise.resolve(api.close()),
  });
});
