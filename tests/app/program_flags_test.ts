/** Reference §9.1, §9.2 and §13: a manifest written for MetalLB runs unchanged. */
import { assertEquals } from "@std/assert/equals";
import { type FlagSpec, parseFlags } from "../../lib/app/flags.ts";
import { CONTROLLER_FLAGS, SPEAKER_FLAGS } from "../../lib/app/program_flags.ts";

/** `[flag and value, controller takes it, speaker takes it]` */
const METALLB_FLAGS: readonly (readonly [string, boolean, boolean])[] = [
  ["--port=9120", true, true],
  ["--port=0", true, true],
  ["--namespace=metallb-system", true, true],
  ["--pod-name=p", true, true],
  ...["all", "debug", "info", "warn", "error", "none"].map((level) => [`--log-level=${level}`, true, true] as const),
  ["--pprof-bind-address=:6060", true, true],
  ["--lb-class=example.com/lb", true, true],
  ["--health-probe-port=17472", true, true],
  ["--tls-min-version=VersionTLS12", true, true],
  ["--tls-cipher-suites=TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", true, true],
  ["--tls-curve-preferences=29,23", true, true],
  ["--metrics-cert-dir=/certs", true, true],
  ["--kubeconfig=/etc/k", true, true],
  ["--ml-secret-name=memberlist", true, false],
  ["--deployment=controller", true, false],
  ["--disable-cert-rotation", true, false],
  ["--disable-cert-rotation=true", true, false],
  ["--cert-dir=/certs", true, false],
  ["--cert-service-name=metallb-webhook-service", true, false],
  ["--webhook-secret=metallb-webhook-cert", true, false],
  ["--webhook-mode=onlywebhook", true, false],
  ["--webhook-http2=false", true, false],
  ["--node-name=n1", false, true],
  ["--ml-bindaddr=192.0.2.1", false, true],
  ["--ml-bindaddr=", false, true],
  ["--ml-bindport=7946", false, true],
  ["--ml-bindport=", false, true],
  ["--ml-labels=app=metallb,component=speaker", false, true],
  ["--ml-secret-key-path=/etc/ml_secret_key", false, true],
  ["--ml-wan-config", false, true],
  ["--ignore-exclude-lb", false, true],
  ["--frrk8s-namespace=frr-k8s-system", false, true],
  ["--frrk8s-secret-passthrough=true", false, true],
  ["--bgp-debounce-timeout=3000", false, true],
  ["--host=192.0.2.1", false, true],
];

function accepts(specs: Readonly<Record<string, FlagSpec>>, flag: string): boolean {
  const node = "node-name" in specs && !flag.startsWith("--node-name") ? ["--node-name=n"] : [];
  return parseFlags(specs, { args: [...node, flag], env: {} }).ok;
}

for (const [flag, controller, speaker] of METALLB_FLAGS) {
  Deno.test(`flags of MetalLB: ${flag} is known to ${[controller && "controller", speaker && "speaker"].filter(Boolean).join(" and ")}`, () => {
    for (const dashes of ["--", "-"]) {
      const given = dashes + flag.slice(2);
      assertEquals([accepts(CONTROLLER_FLAGS, given), accepts(SPEAKER_FLAGS, given)], [controller, speaker]);
    }
  });
}

/** Reference §9.2: the variables of both programs, with the flag that each one stands for. */
const VARIABLES: readonly (readonly ["controller" | "speaker", string, string, string | number])[] = [
  ["controller", "METALLB_NAMESPACE", "namespace", "ns"],
  ["controller", "METALLB_POD_NAME", "pod-name", "p"],
  ["controller", "METALLB_ML_SECRET_NAME", "ml-secret-name", "s"],
  ["controller", "METALLB_DEPLOYMENT", "deployment", "d"],
  ["controller", "METALLB_BGP_TYPE", "bgp-type", "native"],
  ["speaker", "METALLB_NAMESPACE", "namespace", "ns"],
  ["speaker", "METALLB_POD_NAME", "pod-name", "p"],
  ["speaker", "METALLB_NODE_NAME", "node-name", "n"],
  ["speaker", "METALLB_HOST", "host", "192.0.2.1"],
  ["speaker", "METALLB_ML_BIND_ADDR", "ml-bindaddr", "192.0.2.1"],
  ["speaker", "METALLB_ML_BIND_PORT", "ml-bindport", 7947],
  ["speaker", "METALLB_ML_LABELS", "ml-labels", "app=metallb"],
  ["speaker", "METALLB_ML_SECRET_KEY_PATH", "ml-secret-key-path", "/etc/ml_secret_key"],
  ["speaker", "METALLB_BGP_TYPE", "bgp-type", "frr"],
  ["speaker", "METALLB_BGP_DEBOUNCE_TIMEOUT", "bgp-debounce-timeout", "3000"],
  ["speaker", "FRRK8S_NAMESPACE", "frrk8s-namespace", "frr"],
  ["speaker", "FRR_CONFIG_FILE", "frr-config-file", "/f"],
  ["speaker", "FRR_RELOADER_PID_FILE", "frr-reloader-pid-file", "/f"],
  ["speaker", "FRR_LOGGING_LEVEL", "frr-logging-level", "informational"],
];

for (const [program, variable, flag, value] of VARIABLES) {
  Deno.test(`variables of MetalLB: the ${program} reads ${variable}`, () => {
    const specs: Readonly<Record<string, FlagSpec>> = program === "controller" ? CONTROLLER_FLAGS : SPEAKER_FLAGS;
    const result = parseFlags(specs, { args: [], env: { METALLB_NODE_NAME: "n", [variable]: String(value) } });
    assertEquals(result.ok ? result.values[flag] : result.problems, value);
  });
}

Deno.test("controller flags: an empty name is the usual one, because nothing has an empty name", () => {
  const names = ["leader-elect-resource-name", "cert-service-name", "webhook-secret", "cert-dir"] as const;
  const result = parseFlags(CONTROLLER_FLAGS, { args: names.map((name) => `--${name}=`), env: {} });
  if (!result.ok) throw new Error(result.problems.join("; "));
  assertEquals(names.map((name) => result.values[name]), [
    "herald-controller",
    "metallb-webhook-service",
    "metallb-webhook-cert",
    "/tmp/k8s-webhook-server/serving-certs",
  ]);
});

Deno.test("speaker flags: an empty node name is none", () => {
  const result = parseFlags(SPEAKER_FLAGS, { args: ["--node-name="], env: {} });
  assertEquals(result.ok ? [] : result.problems, ["--node-name is required (or the variable METALLB_NODE_NAME)"]);
});

Deno.test("speaker flags: the memberlist port is 7946 when its flag or variable is empty", () => {
  for (const [args, env] of [[["--ml-bindport="], {}], [[], { METALLB_ML_BIND_PORT: "" }], [[], {}]] as const) {
    const result = parseFlags(SPEAKER_FLAGS, { args: ["--node-name=n", ...args], env });
    assertEquals(result.ok ? result.values["ml-bindport"] : result.problems, 7946);
  }
});

Deno.test("defaults of MetalLB: ports, log level and that nothing is done without being asked", () => {
  for (const specs of [CONTROLLER_FLAGS, SPEAKER_FLAGS]) {
    const result = parseFlags(specs, { args: [], env: { METALLB_NODE_NAME: "n" } });
    if (!result.ok) throw new Error(result.problems.join("; "));
    const { port, "health-probe-port": health, "log-level": level, "lb-class": lbClass } = result.values;
    assertEquals([port, health, level, lbClass], [9120, 17472, "info", ""]);
    assertEquals(result.withoutEffect, []);
  }
});

Deno.test("speaker flags: a speaker without a node name says what to give, and what else is wrong", () => {
  const result = parseFlags(SPEAKER_FLAGS, { args: ["--log-level=chatty", "--port=70000", "--config=x"], env: {} });
  assertEquals(result.ok ? [] : result.problems, [
    "--config is not a flag of this program; --help lists them",
    '--port: "70000" is not a whole number from 0 to 65535',
    '--log-level: "chatty" is not one of all, debug, info, warn, error, none',
    "--node-name is required (or the variable METALLB_NODE_NAME)",
  ]);
});

Deno.test("flags: every variable that a program reads is allowed by its permission set", async () => {
  const { default: config } = await import("../../deno.json", { with: { type: "json" } });
  for (const [program, specs] of [["controller", CONTROLLER_FLAGS], ["speaker", SPEAKER_FLAGS]] as const) {
    const { allow } = config.permissions[program].env;
    const read = Object.values(specs).flatMap((spec: FlagSpec) => spec.env ?? []);
    assertEquals(read.filter((variable) => !allow.includes(variable)), []);
  }
});
