// needs: kube-apiserver etcd
// permissions: --allow-all
/**
 * The contract suite of the Kubernetes client on a real kube-apiserver.
 *
 * Starting it takes seconds, so the scenarios that leave it running share one: each has a label and names of its own.
 */
import { kubeContract } from "../contract/kube_suite.ts";
import type { KubeServer } from "../contract/kube_server.ts";
import { RealApiServer } from "../support/real_api_server.ts";

/** The one that is shared, or none if it did not start. */
const started: RealApiServer[] = [];

Deno.test.beforeAll(async () => {
  started.push(await RealApiServer.start());
});

Deno.test.afterAll(async () => {
  for (const server of started) await server.stop();
});

kubeContract(
  "a real kube-apiserver",
  (control) => control === undefined ? Promise.resolve(withoutControls(started[0]!)) : RealApiServer.start(),
  { without: ["openWatches"] },
);

/** What is shared can neither be restarted nor stopped by one scenario. */
function withoutControls(server: RealApiServer): KubeServer {
  const { hostname, port, scheme, admin } = server;
  return {
    hostname,
    port,
    scheme,
    admin,
    kubeconfig: (options) => server.kubeconfig(options),
    stop: () => Promise.resolve(),
  };
}
