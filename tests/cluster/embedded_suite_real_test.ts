// needs: kube-apiserver etcd
// permissions: --allow-all
/** The suite of the embedded API on a real kube-apiserver: it is the judge of what the suite expects. */
import { CRDS } from "../embedded/embedded_stage.ts";
import { embeddedContract } from "../contract/embedded_suite.ts";
import { RealApiServer } from "../support/real_api_server.ts";

const ESTABLISHED_LIMIT_MS = 30_000;

embeddedContract("kube-apiserver", async () => {
  const server = await RealApiServer.start();
  const crds = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
  for (const crd of CRDS) {
    const made = await server.fetch(crds, {
      method: "POST",
      body: JSON.stringify(crd),
      headers: { "content-type": "application/json" },
    });
    const text = await made.text();
    if (made.status !== 201) throw new Error(text);
  }
  const until = Date.now() + ESTABLISHED_LIMIT_MS;
  for (const crd of CRDS) {
    const spec = crd.spec as unknown as { names: { plural: string }; versions: { name: string }[] };
    for (const { name } of spec.versions) {
      for (;;) {
        const list = await server.fetch(`/apis/metallb.io/${name}/${spec.names.plural}`);
        await list.body?.cancel();
        if (list.status === 200) break;
        if (Date.now() > until) throw new Error(`${spec.names.plural} is not served`);
        await new Promise((done) => setTimeout(done, 100));
      }
    }
  }
  return server;
});
