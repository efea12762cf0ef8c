/** An HTTPS server that verifies client certificates and tells what it was sent; and the certificates for it. */
import https from "node:https";
import type { AddressInfo } from "node:net";
import { createPrivateKey } from "node:crypto";
import type { TLSSocket } from "node:tls";
import "reflect-metadata";
import * as x509 from "@peculiar/x509";

const EC = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
const RSA = {
  name: "RSASSA-PKCS1-v1_5",
  hash: "SHA-256",
  publicExponent: new Uint8Array([1, 0, 1]),
  modulusLength: 2048,
};

export interface Issued {
  readonly certPem: string;
  readonly keyPem: string;
}

/** A certificate authority for one test. */
export class TestAuthority {
  readonly caPem: string;
  readonly #keys: CryptoKeyPair;

  private constructor(caPem: string, keys: CryptoKeyPair) {
    this.caPem = caPem;
    this.#keys = keys;
  }

  static async create(name: string): Promise<TestAuthority> {
    const keys = await crypto.subtle.generateKey(EC, true, ["sign", "verify"]) as CryptoKeyPair;
    const certificate = await x509.X509CertificateGenerator.createSelfSigned({
      name: `CN=${name}`,
      keys,
      signingAlgorithm: EC,
      extensions: [new x509.BasicConstraintsExtension(true, undefined, true)],
    });
    return new TestAuthority(certificate.toString("pem"), keys);
  }

  /** `hosts` makes a server certificate, none a client certificate. `format` is that of the key. */
  async issue(
    name: string,
    options: { readonly hosts?: readonly string[]; readonly format?: "pkcs8" | "pkcs1" | "sec1" } = {},
  ): Promise<Issued> {
    const { hosts = [], format = "pkcs8" } = options;
    const algorithm = format === "pkcs1" ? RSA : EC;
    const keys = await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]) as CryptoKeyPair;
    const isServer = hosts.length > 0;
    const purpose = isServer ? x509.ExtendedKeyUsage.serverAuth : x509.ExtendedKeyUsage.clientAuth;
    const names = hosts.map((host) => ({ type: /^[0-9.]+$/.test(host) ? "ip" : "dns", value: host }) as const);
    const certificate = await x509.X509CertificateGenerator.create({
      subject: `CN=${name}`,
      issuer: new x509.X509Certificate(this.caPem).subject,
      publicKey: keys.publicKey,
      signingKey: this.#keys.privateKey,
      signingAlgorithm: EC,
      extensions: [
        new x509.BasicConstraintsExtension(false),
        new x509.ExtendedKeyUsageExtension([purpose]),
        ...(isServer ? [new x509.SubjectAlternativeNameExtension(names)] : []),
      ],
    });
    const der = new Uint8Array(await crypto.subtle.exportKey("pkcs8", keys.privateKey));
    const key = createPrivateKey({ key: Buffer.from(der), format: "der", type: "pkcs8" });
    return { certPem: certificate.toString("pem"), keyPem: String(key.export({ format: "pem", type: format })) };
  }
}

export interface Heard {
  readonly method: string;
  readonly path: string;
  readonly authorization: string | undefined;
  readonly impersonate: string | undefined;
  /** Common name of a client certificate that this server's authority signed. */
  readonly client: string | undefined;
  readonly body: string;
}

export class TlsServer {
  readonly heard: Heard[] = [];
  readonly #server: https.Server;

  private constructor(server: https.Server) {
    this.#server = server;
  }

  static async start(options: { readonly server: Issued; readonly clientCaPem?: string }): Promise<TlsServer> {
    const { server, clientCaPem } = options;
    const listener = https.createServer({
      cert: server.certPem,
      key: server.keyPem,
      ...(clientCaPem === undefined ? {} : { ca: clientCaPem, requestCert: true, rejectUnauthorized: false }),
    });
    const started = new TlsServer(listener);
    listener.on("request", (request, response) => {
      let body = "";
      request.on("data", (chunk: Uint8Array) => body += new TextDecoder().decode(chunk));
      request.on("end", () => {
        const socket = request.socket as TLSSocket;
        const name = socket.getPeerCertificate?.()?.subject?.CN;
        started.heard.push({
          method: request.method ?? "",
          path: request.url ?? "",
          authorization: request.headers.authorization,
          impersonate: request.headers["impersonate-user"] as string | undefined,
          client: socket.authorized ? String(name) : undefined,
          body,
        });
        response.setHeader("content-type", "application/json");
        response.end(JSON.stringify({ metadata: { name: "x", resourceVersion: "1" } }));
      });
    });
    await new Promise<void>((resolve) => listener.listen(0, "127.0.0.1", resolve));
    return started;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }
}
