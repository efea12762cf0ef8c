/**
 * Access by kubeconfig files: @kubernetes/client-node reads and merges them and knows how to be authenticated (client
 * certificates, tokens, exec plugins, OIDC). This file is its only door; requests do not go through it.
 *
 * It is imported when it is needed, for the sake of a Pod that never does. Paths inside a file are relative to it.
 */
import { isRecord } from "../../base/json.ts";
import type { Cluster, Context, KubeConfig, User } from "@kubernetes/client-node";
import { type AccessProblem, accessProblem, type AccessResult, type Credentials } from "./cluster_access.ts";

type ClientNode = typeof import("@kubernetes/client-node");

/** The first file that defines a context, cluster or user wins; of several files some may be missing: as in kubectl. */
export async function loadKubeconfig(
  options: { readonly files: readonly string[]; readonly context?: string | undefined },
): Promise<AccessResult> {
  const library = await import("@kubernetes/client-node");
  const parts: KubeconfigPart[] = [];
  for (const file of options.files) {
    const read = await readPart(library, file);
    if (read.ok) parts.push(read.part);
    else if (read.problem.reason !== "missing" || options.files.length === 1) return read;
  }
  if (parts.length === 0) {
    return accessProblem("missing", `none of these kubeconfigs is there: ${options.files.join(", ")}`);
  }
  const source = options.files.join(", ");
  const contextName = options.context ?? parts.map((part) => part.config.getCurrentContext()).find((name) => name);
  if (contextName === undefined || contextName === "") {
    return accessProblem("noContext", `${source}: current-context is not set and no context was given`);
  }
  const context = find(parts, (part) => part.config.getContextObject(contextName) ?? undefined);
  if (context === undefined) {
    const known = parts.flatMap((part) => part.config.getContexts().map((each) => each.name));
    return accessProblem("noContext", `${source}: there is no context "${contextName}" (known: ${known.join(", ")})`);
  }
  return accessOf(library, { parts, source, context });
}

interface KubeconfigPart {
  readonly config: KubeConfig;
  /** `tokenFile` of each user: client-node does not know this field. */
  readonly tokenFiles: ReadonlyMap<string, string>;
}

function accessOf(
  library: ClientNode,
  found: { readonly parts: readonly KubeconfigPart[]; readonly source: string; readonly context: Context },
): AccessResult {
  const { parts, source, context } = found;
  const cluster = find(parts, (part) => part.config.getCluster(context.cluster) ?? undefined);
  if (cluster === undefined) {
    return accessProblem(
      "invalid",
      `${source}: context "${context.name}" names the cluster "${context.cluster}", which is not there`,
    );
  }
  const user = find(parts, (part) => part.config.getUser(context.user) ?? undefined);
  if (user === undefined && context.user !== "" && context.user !== undefined) {
    return accessProblem(
      "invalid",
      `${source}: context "${context.name}" names the user "${context.user}", which is not there`,
    );
  }
  if (!URL.canParse(cluster.server) || !/^https?:/.test(cluster.server)) {
    return accessProblem("invalid", `${source}: cluster "${cluster.name}": server is no http(s) URL`);
  }
  const { username, password } = new URL(cluster.server);
  if (username !== "" || password !== "") {
    // The URL is logged.
    const message = `${source}: cluster "${cluster.name}": server holds a name or password; they belong into a user`;
    return accessProblem("invalid", message);
  }
  const tokenFile = user === undefined ? undefined : find(parts, (part) => part.tokenFiles.get(user.name));
  const one = new library.KubeConfig();
  // What comes with an answer is used, the connection that client-node would make is not; it refuses plain http, which
  // is the user's choice here, and would set up the proxy a second time.
  const { name, caData, caFile, skipTLSVerify } = cluster;
  const forCredentials = { name, server: "https://unused.invalid", caData, caFile, skipTLSVerify } as Cluster;
  one.loadFromClusterAndUser(forCredentials, user ?? { name: "nobody" });
  return {
    ok: true,
    access: {
      source,
      server: cluster.server,
      namespace: context.namespace,
      insecure: cluster.skipTLSVerify === true,
      serverName: cluster.tlsServerName,
      proxyUrl: cluster.proxyUrl,
      credentials: () => credentialsOf(one, { user, tokenFile, source }),
    },
  };
}

async function credentialsOf(
  config: KubeConfig,
  about: { user: User | undefined; tokenFile: string | undefined; source: string },
): Promise<Credentials> {
  const applied: Parameters<KubeConfig["applyToHTTPSOptions"]>[0] = { headers: {} };
  try {
    await config.applyToHTTPSOptions(applied);
  } catch (error) {
    throw new Error(`${about.source}: user "${about.user?.name ?? ""}": ${firstLine(error)}`);
  }
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(applied.headers ?? {})) {
    if (value !== undefined) headers[name.toLowerCase()] = String(value).trim();
  }
  if (typeof applied.auth === "string") headers["authorization"] ??= `Basic ${btoa(applied.auth)}`;
  if (about.tokenFile !== undefined && headers["authorization"] === undefined) {
    headers["authorization"] = `Bearer ${await readToken(about.tokenFile, about.source)}`;
  }
  const credentials = { headers, ca: pem(applied.ca), cert: pem(applied.cert), key: pem(applied.key) };
  const problem = problemOf(credentials);
  if (problem !== undefined) throw new Error(`${about.source}: ${problem}`);
  return credentials;
}

/** Deno takes any text for a certificate and fails later, with every request and without saying why. */
function problemOf({ ca, cert, key }: Credentials): string | undefined {
  const isCertificate = (text: string) => text.includes("-----BEGIN CERTIFICATE-----");
  if (ca !== undefined && !isCertificate(ca)) return "certificate-authority(-data) holds no PEM certificate";
  if (cert !== undefined && !isCertificate(cert)) return "client-certificate(-data) holds no PEM certificate";
  if (key !== undefined && !/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(key)) return "client-key(-data) holds no PEM key";
  if ((cert === undefined) !== (key === undefined)) return "client-certificate and client-key are needed together";
  return undefined;
}

async function readToken(file: string, source: string): Promise<string> {
  try {
    return (await Deno.readTextFile(file)).trim();
  } catch (error) {
    throw new Error(`${source}: tokenFile: cannot read ${file}: ${firstLine(error)}`);
  }
}

async function readPart(
  library: ClientNode,
  file: string,
): Promise<{ ok: true; part: KubeconfigPart } | { ok: false; problem: AccessProblem }> {
  let text: string;
  try {
    text = await Deno.readTextFile(file);
  } catch (error) {
    const reason = error instanceof Deno.errors.NotFound ? "missing" : "unreadable";
    // Deno keeps programs with limited rights away from there, whatever they are given.
    const isKernels = error instanceof Deno.errors.NotCapable && file.startsWith("/proc/");
    const why = isKernels ? "Deno lets no program read there; copy it to a file, which can be read" : firstLine(error);
    return accessProblem(reason, `cannot read ${file}: ${why}`);
  }
  let parsed: unknown;
  try {
    parsed = library.loadYaml(text);
  } catch (error) {
    return accessProblem("notYaml", `${file}: not valid YAML: ${firstLine(error)}`);
  }
  if (!isRecord(parsed)) {
    return accessProblem(
      "invalid",
      `${file}: not a kubeconfig: a mapping with clusters, contexts and users is expected`,
    );
  }
  const config = new library.KubeConfig();
  try {
    config.loadFromFile(file);
  } catch (error) {
    return accessProblem("invalid", `${file}: ${firstLine(error)}`);
  }
  return { ok: true, part: { config, tokenFiles: tokenFilesOf(parsed, file) } };
}

function tokenFilesOf(parsed: Record<string, unknown>, file: string): Map<string, string> {
  const tokenFiles = new Map<string, string>();
  const users = Array.isArray(parsed["users"]) ? parsed["users"] : [];
  const directory = file.includes("/") ? file.slice(0, file.lastIndexOf("/") + 1) : "";
  for (const entry of users) {
    const user = isRecord(entry) && isRecord(entry["user"]) ? entry["user"] : undefined;
    const path = user?.["tokenFile"];
    if (typeof path !== "string" || !isRecord(entry) || typeof entry["name"] !== "string") continue;
    tokenFiles.set(entry["name"], path.startsWith("/") ? path : `${directory}${path}`);
  }
  return tokenFiles;
}

function find<T>(parts: readonly KubeconfigPart[], pick: (part: KubeconfigPart) => T | undefined): T | undefined {
  for (const part of parts) {
    const picked = pick(part);
    if (picked !== undefined) return picked;
  }
  return undefined;
}

function pem(value: unknown): string | undefined {
  if (typeof value === "string") return value;
  return value instanceof Uint8Array ? new TextDecoder().decode(value) : undefined;
}

/** Errors of the YAML reader quote the lines around the mistake, which may hold a token: only the first line is shown. */
function firstLine(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split("\n", 1)[0] ?? "";
}
