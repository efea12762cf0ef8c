/** A real kube-apiserver that serves some CustomResourceDefinitions, every version of them established. */
import { RealApiServer } from "./real_api_server.ts";

const ESTABLISHED_LIMIT_MS = 120_000;
const DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";

export async function startWithCrds(definitions: readonly unknown[]): Promise<RealApiServer> {
  const server = await RealApiServer.start();
  for (const definition of definitions) {
    const made = await server.fetch(DEFINITIONS, {
      method: "POST",
      body: JSON.stringify(definition),
      headers: { "content-type": "application/json" },
    });
    const text = await made.text();
    if (made.status !== 201) throw new Error(text);
  }
  const until = Date.now() + ESTABLISHED_LIMIT_MS;
  for (const definition of definitions) {
    const { group, names, versions } = (definition as {
      spec: { group: string; names: { plural: string }; versions: { name: string }[] };
    }).spec;
    for (const { name } of versions) {
      for (;;) {
        const list = await server.fetch(`/apis/${group}/${name}/${names.plural}`);
        await list.body?.cancel();
        if (list.status === 200) break;
        if (Date.now() > until) throw new Error(`${names.plural} is not served`);
        await new Promise((done) => setTimeout(done, 100));
      }
    }
  }
  return server;
}
