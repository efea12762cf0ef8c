// needs: kube-apiserver etcd
// permissions: --allow-all
/** The recorded requests about server-side apply on a real kube-apiserver: it is the judge of what is recorded. */
import { CRDS } from "../embedded/embedded_stage.ts";
import { WIDGET_CRD } from "../contract/apply_requests.ts";
import { applyContract } from "../contract/apply_suite.ts";
import { startWithCrds } from "../support/real_api_with_crds.ts";

applyContract("kube-apiserver", () => startWithCrds([...CRDS, WIDGET_CRD]), {
  record: Deno.env.get("HERALD_RECORD") === "1",
});
