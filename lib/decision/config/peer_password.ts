/**
 * The TCP MD5 password of a peer: from the peer itself, or from a Secret of its namespace (reference §2.8 rules 13, 14).
 *
 * Secrets of type `Opaque` are taken as well as `kubernetes.io/basic-auth`, because that is what
 * `kubectl create secret generic` makes. A value never stands in a message.
 */
import { quoteName } from "./distinct_texts.ts";
import { decodeObject } from "./decode.ts";
import { identityOf } from "./identity.ts";
import type { ProblemDetail, ProblemList } from "./problem.ts";
import { type SecretObject, secretSchema } from "./schema/secret.ts";

const BASIC_AUTH = "kubernetes.io/basic-auth";
const TYPES: ReadonlySet<string> = new Set([BASIC_AUTH, "Opaque", ""]);
/** TCP_MD5SIG_MAXKEYLEN of Linux. */
const PASSWORD_BYTES_MAX = 80;
const SECRET_PATH = "spec.passwordSecret.name";

/** Secrets by namespace and name; each is decoded only when a peer names it. */
export class PasswordSecrets {
  readonly #objects: ReadonlyMap<string, unknown>;

  constructor(objects: readonly unknown[]) {
    this.#objects = new Map(objects.map((object) => {
      const { namespace, name } = identityOf(object, "Secret");
      return [`${namespace}/${name}`, object];
    }));
  }

  find(namespace: string, name: string): unknown {
    return this.#objects.get(`${namespace}/${name}`);
  }
}

interface Options {
  readonly namespace: string;
  readonly name: string;
  /** `undefined` when they are not known: then nothing is said about a Secret. */
  readonly secrets: PasswordSecrets | undefined;
  readonly problems: ProblemList;
}

interface PasswordSpec {
  readonly password: string | undefined;
  readonly passwordSecret: { readonly name: string | undefined; readonly namespace: string | undefined } | undefined;
}

export function resolvePeerPassword(spec: PasswordSpec, options: Options): string | undefined {
  const { problems } = options;
  const secretName = spec.passwordSecret?.name ?? "";
  const plain = spec.password ?? "";
  if (plain !== "" && secretName !== "") {
    const message = "password and passwordSecret are both given; keep passwordSecret and remove password";
    problems.error({ path: "spec.password", reason: "conflictingFields", message });
    return undefined;
  }
  if (plain !== "") {
    const message = "the password can be read by everybody who can read this object; " +
      "put it in a Secret and name that in passwordSecret";
    problems.warning({ path: "spec.password", reason: "plainPassword", message });
    return checkLength(plain, { path: "spec.password", problems });
  }
  if (secretName === "") return undefined;
  const elsewhere = spec.passwordSecret?.namespace ?? "";
  if (elsewhere !== "" && elsewhere !== options.namespace) {
    const message = `it is ignored: the Secret is looked for in the namespace of the peer, ${
      quoteName(options.namespace)
    }`;
    problems.warning({ path: "spec.passwordSecret.namespace", reason: "ignoredField", message });
  }
  return options.secrets === undefined ? undefined : readSecret(secretName, { ...options, secrets: options.secrets });
}

function readSecret(secretName: string, options: Options & { secrets: PasswordSecrets }): string | undefined {
  const { namespace, name: peer, problems } = options;
  const full = quoteName(`${namespace}/${secretName}`);
  const refuse = (detail: Omit<ProblemDetail, "path">): undefined => {
    problems.error({ path: SECRET_PATH, ...detail });
  };
  const object = options.secrets.find(namespace, secretName);
  if (object === undefined) {
    return refuse({
      reason: "unknownSecret",
      message: `there is no Secret ${full}`,
      metallbText: inPeer(peer, `secret ref not found for peer config ${quoteName(namespace)}/${quoteName(peer)}`),
    });
  }
  const decoded = decodeObject(object, { schema: secretSchema, kind: "Secret" });
  if (!decoded.ok) {
    return refuse({ reason: "invalidSecret", message: `Secret ${full} cannot be read: ${decoded.problem.message}` });
  }
  if (!TYPES.has(decoded.value.type ?? "")) {
    return refuse({
      reason: "invalidSecret",
      message: `Secret ${full} is of type ${quoteName(decoded.value.type!)}; it must be ${BASIC_AUTH} or Opaque`,
      metallbText: inPeer(
        peer,
        `secret type mismatch on ${quoteName(namespace)}/${quoteName(secretName)}, type "${BASIC_AUTH}" is expected `,
      ),
    });
  }
  const password = passwordOf(decoded.value);
  if (password === "missing" || password === "notText") {
    const message = password === "missing"
      ? `Secret ${full} has no key "password", or it is empty`
      : `key "password" of Secret ${full} is not base64 of UTF-8 text`;
    return refuse({ reason: "invalidSecret", message });
  }
  if (/[\r\n]$/.test(password.text)) {
    const message = `the password in Secret ${full} ends with a line break, which is part of it; ` +
      "the router has to have it too";
    problems.warning({ path: SECRET_PATH, reason: "invalidSecret", message });
  }
  return checkLength(password.text, { path: SECRET_PATH, problems });
}

function inPeer(peer: string, text: string): string {
  return `parsing peer ${peer} ${text}\nfailed to parse peer ${peer} password secret`;
}

function passwordOf(secret: SecretObject): { readonly text: string } | "missing" | "notText" {
  const plain = Object.hasOwn(secret.stringData, "password") ? secret.stringData["password"]! : undefined;
  if (plain !== undefined) return plain === "" ? "missing" : { text: plain };
  const encoded = Object.hasOwn(secret.data, "password") ? secret.data["password"]! : "";
  if (encoded === "") return "missing";
  try {
    const bytes = Uint8Array.from(atob(encoded), (character) => character.charCodeAt(0));
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    return text === "" ? "missing" : { text };
  } catch {
    return "notText";
  }
}

function checkLength(password: string, options: { path: string; problems: ProblemList }): string | undefined {
  if (new TextEncoder().encode(password).length <= PASSWORD_BYTES_MAX) return password;
  const message = `the password is longer than the ${PASSWORD_BYTES_MAX} bytes that TCP MD5 takes`;
  options.problems.error({ path: options.path, reason: "invalidValue", message });
  return undefined;
}
