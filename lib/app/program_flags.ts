/**
 * The flags of both programs, as MetalLB names them (reference §9.1, §9.2, §13), and what Herald adds.
 */
import { LOG_FILTERS } from "../edge/run/log_output.ts";
import { WATCH_INTERVAL_MS } from "../protocol/watch/times.ts";
import type { FlagSpec } from "./flags.ts";

function accepted(kind: FlagSpec["kind"], help: string, env?: string): FlagSpec {
  return { kind, help, withoutEffect: true, ...(env === undefined ? {} : { env }) };
}

const COMMON = {
  "port": { kind: "integer", default: 9120, min: 0, max: 65535, help: "port of /metrics and /status; 0 disables them" },
  "namespace": { kind: "string", env: "METALLB_NAMESPACE", help: "namespace of the metallb.io objects" },
  "pod-name": { kind: "string", env: "METALLB_POD_NAME", help: "name of this pod" },
  "log-level": { kind: "string", default: "info", choices: LOG_FILTERS, help: `one of ${LOG_FILTERS.join(", ")}` },
  "lb-class": { kind: "string", help: "serve only Services of these loadBalancerClasses, separated by commas" },
  "kubeconfig": {
    kind: "string",
    help: "kubeconfig file; else the files of KUBECONFIG, else the pod's service account",
  },
  "context": { kind: "string", help: "context of the kubeconfig" },
  "pprof-bind-address": accepted("string", "profiling address"),
  "tls-min-version": accepted("string", "minimum TLS version; Herald speaks TLS 1.3"),
  "tls-cipher-suites": accepted("string", "TLS cipher suites"),
  "tls-curve-preferences": accepted("string", "TLS curves"),
  "metrics-cert-dir": accepted("string", "folder with tls.crt and tls.key"),
  "bgp-type": accepted("string", "BGP implementation", "METALLB_BGP_TYPE"),
} as const satisfies Record<string, FlagSpec>;

export const CONTROLLER_FLAGS = {
  ...COMMON,
  "health-probe-port": { kind: "integer", default: 17472, min: 0, max: 65535, help: "port of /healthz and /readyz" },
  "leader-elect": {
    kind: "boolean",
    default: true,
    help: "of several controllers one leads, by a Lease; false only where a single one runs",
  },
  "leader-elect-resource-name": {
    kind: "string",
    default: "herald-controller",
    emptyIsAbsent: true,
    help: "name of the Lease, in --namespace",
  },
  "leader-elect-lease-seconds": {
    kind: "integer",
    default: 15,
    min: 2,
    max: 60,
    help: "time after which another controller works when the leader dies without a word",
  },
  "ml-secret-name": {
    kind: "string",
    env: "METALLB_ML_SECRET_NAME",
    help: "Secret with the key that the speakers share; made if it is not there",
  },
  "deployment": { kind: "string", env: "METALLB_DEPLOYMENT", help: "the Deployment that owns this Secret" },
  "disable-cert-rotation": { kind: "boolean", help: "take the webhook certificate from --cert-dir, and renew nothing" },
  "cert-dir": {
    kind: "string",
    default: "/tmp/k8s-webhook-server/serving-certs",
    emptyIsAbsent: true,
    help: "folder with tls.crt and tls.key of the webhooks, with --disable-cert-rotation",
  },
  "cert-service-name": {
    kind: "string",
    default: "metallb-webhook-service",
    emptyIsAbsent: true,
    help: "Service of the webhooks",
  },
  "webhook-secret": {
    kind: "string",
    default: "metallb-webhook-cert",
    emptyIsAbsent: true,
    help: "Secret of the webhook certificate",
  },
  "webhook-mode": {
    kind: "string",
    default: "enabled",
    choices: ["enabled", "disabled", "onlywebhook"],
    help: "enabled; disabled: no webhooks; onlywebhook: nothing but the webhooks",
  },
  "webhook-port": { kind: "integer", default: 9443, min: 0, max: 65535, help: "port of the webhooks" },
  "webhook-http2": accepted("boolean", "HTTP/2 on the webhook port"),
} as const satisfies Record<string, FlagSpec>;

export const SPEAKER_FLAGS = {
  ...COMMON,
  "node-name": {
    kind: "string",
    env: "METALLB_NODE_NAME",
    required: true,
    emptyIsAbsent: true,
    help: "name of this node",
  },
  "health-probe-port": {
    kind: "integer",
    default: 17472,
    min: 0,
    max: 65535,
    help: "port of /healthz and /readyz on 127.0.0.1",
  },
  "ml-bindaddr": {
    kind: "string",
    env: "METALLB_ML_BIND_ADDR",
    help: "address at which other speakers reach this one; empty: speakers do not see each other",
  },
  "ml-bindport": {
    kind: "integer",
    env: "METALLB_ML_BIND_PORT",
    default: 7946,
    min: 1,
    max: 65534,
    emptyIsAbsent: true,
    help: "memberlist port; the watch uses the next one",
  },
  "ml-labels": { kind: "string", env: "METALLB_ML_LABELS", help: "label selector of the speaker pods" },
  "ml-secret-key-path": {
    kind: "string",
    env: "METALLB_ML_SECRET_KEY_PATH",
    help:
      "folder whose file secretkey holds the key that the speakers share, also while it changes; empty: no encryption",
  },
  "ml-wan-config": { kind: "boolean", help: "memberlist timing for wide area networks" },
  "watch-interval-ms": {
    kind: "integer",
    default: WATCH_INTERVAL_MS.default,
    min: WATCH_INTERVAL_MS.min,
    max: WATCH_INTERVAL_MS.max,
    help: "how often the speakers of an address probe each other; a silent one loses it after three intervals",
  },
  "safe": {
    kind: "boolean",
    help: "answer nothing while neither the API server nor a majority of the other speakers is seen",
  },
  "gratuitous-bursts": {
    kind: "integer",
    default: 5,
    min: 1,
    max: 1000,
    help: "how many times a take-over is told to the segment",
  },
  "gratuitous-interval-ms": {
    kind: "integer",
    default: 1100,
    min: 100,
    max: 60_000,
    help: "time between two of these; Linux passes over what comes within a second of the last change",
  },
  "gratuitous-refresh-seconds": {
    kind: "integer",
    default: 0,
    min: 0,
    max: 86_400,
    help: "how often all addresses are told again, for neighbours and switches that forget; 0: never",
  },
  "ignore-exclude-lb": {
    kind: "boolean",
    help: "announce also from nodes labelled exclude-from-external-load-balancers",
  },
  "exclude-interfaces-file": {
    kind: "string",
    default: "/etc/metallb/excludel2.yaml",
    help: "file that lists interfaces not to announce on",
  },
  "snapshot-dir": {
    kind: "string",
    help:
      "folder, e.g. /var/lib/herald, to keep the last wanted state in: announced after a start without an API server",
  },
  "snapshot-max-age-hours": {
    kind: "integer",
    default: 24,
    min: 0,
    max: 87_600,
    help: "an older snapshot is not announced; 0: any age will do",
  },
  "host": accepted("string", "address of this host", "METALLB_HOST"),
  "frrk8s-namespace": accepted("string", "namespace of frr-k8s", "FRRK8S_NAMESPACE"),
  "frrk8s-secret-passthrough": accepted("boolean", "pass secrets to frr-k8s"),
  "bgp-debounce-timeout": accepted("string", "FRR reload delay", "METALLB_BGP_DEBOUNCE_TIMEOUT"),
  "frr-config-file": accepted("string", "FRR configuration file", "FRR_CONFIG_FILE"),
  "frr-reloader-pid-file": accepted("string", "FRR reloader pid file", "FRR_RELOADER_PID_FILE"),
  "frr-logging-level": accepted("string", "FRR log level", "FRR_LOGGING_LEVEL"),
} as const satisfies Record<string, FlagSpec>;
