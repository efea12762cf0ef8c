import { startEmbeddedServer } from "./kube_embedded_server.ts";
import { kubeContract } from "./kube_suite.ts";

kubeContract("the embedded API over HTTPS", () => startEmbeddedServer({ tls: true }));
kubeContract("the embedded API over plain HTTP", () => startEmbeddedServer({ tls: false }));
kubeContract(
  "the embedded API by way of node:https",
  () => startEmbeddedServer({ tls: true, serverName: "localhost" }),
);
