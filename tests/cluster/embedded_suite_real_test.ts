// needs: kube-apiserver etcd
// permissions: --allow-all
/** The suite of the embedded API on a real kube-apiserver: it is the judge of what the suite expects. */
import { CRDS } from "../embedded/embedded_stage.ts";
import { embeddedContract } from "../contract/embedded_suite.ts";
import { startWithCrds } from "../support/real_api_with_crds.ts";

embeddedContract("kube-apiserver", () => startWithCrds(CRDS));
