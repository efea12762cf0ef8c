import { startEmbeddedServer } from "./kube_embedded_server.ts";
import { kubeContract } from "./kube_suite.ts";

kubeContract("the embedded API over HTTPS", () => Promise.resolve(startEmbeddedServer({ tls: true })));
kubeContract("the embedded API over plain HTTP", () => Promise.resolve(startEmbeddedServer({ tls: false })));
kubeContract(
  "the embedded API by way of node:https",
  () => Promise.resolve(startEmbeddedServer({ tls: true, serverName: "localhost" })),
);
