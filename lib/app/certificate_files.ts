/**
 * A certificate that somebody else keeps in two files (a mounted Secret, cert-manager): read again and again, told when
 * it changes. Watching would miss how the kubelet swaps a mounted Secret (a link to a folder), so the files are read.
 */
import type { Log } from "../base/log.ts";
import type { TlsCertificate } from "../edge/http/certificates.ts";
import { type Schedule, systemSchedule } from "../edge/kube/schedule.ts";

export interface CertificateFilesDeps {
  readonly log: Log;
  readonly onCertificate: (certificate: TlsCertificate) => void;
  readonly readTextFile?: (path: string) => Promise<string>;
  readonly schedule?: Schedule;
}

const REREAD_MS = 10_000;

export class CertificateFiles {
  readonly #folder: string;
  readonly #deps: CertificateFilesDeps;
  readonly #schedule: Schedule;
  #told = "";
  #said = "";
  #stopped = false;
  #stopTimer: () => void = () => {};

  constructor(options: { readonly folder: string }, deps: CertificateFilesDeps) {
    this.#folder = options.folder;
    this.#deps = deps;
    this.#schedule = deps.schedule ?? systemSchedule;
  }

  start(): void {
    void this.#read().then(() => {
      if (!this.#stopped) this.#stopTimer = this.#schedule(() => this.start(), REREAD_MS);
    });
  }

  stop(): Promise<void> {
    this.#stopped = true;
    this.#stopTimer();
    return Promise.resolve();
  }

  async #read(): Promise<void> {
    const read = this.#deps.readTextFile ?? Deno.readTextFile;
    try {
      const certPem = await read(`${this.#folder}/tls.crt`);
      const keyPem = await read(`${this.#folder}/tls.key`);
      if (this.#stopped || this.#told === certPem + keyPem) return;
      this.#told = certPem + keyPem;
      this.#said = "";
      this.#deps.onCertificate({ certPem, keyPem });
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      if (this.#said === message) return;
      this.#said = message;
      this.#deps.log({ level: "warn", event: "certificateFilesFailed", folder: this.#folder, error: message });
    }
  }
}
