import { assertEquals } from "@std/assert/equals";
import { CertificateFiles } from "../../lib/app/certificate_files.ts";
import type { LogEvent } from "../../lib/base/log.ts";
import type { TlsCertificate } from "../../lib/edge/http/certificates.ts";
import { FakeTime, settle } from "../kube/fake_time.ts";

function filesOver(content: Map<string, string>) {
  const [served, log, time] = [[] as TlsCertificate[], [] as LogEvent[], new FakeTime()];
  const files = new CertificateFiles({ folder: "/certs" }, {
    log: (event) => void log.push(event),
    onCertificate: (certificate) => void served.push(certificate),
    schedule: time.schedule,
    readTextFile: (path) => {
      const text = content.get(path);
      return text === undefined ? Promise.reject(new Error(`${path} is missing`)) : Promise.resolve(text);
    },
  });
  return { files, served, log, time };
}

Deno.test("Certificate files: a missing one is said once, and read when it comes", async () => {
  const content = new Map([["/certs/tls.crt", "c1"]]);
  const { files, served, log, time } = filesOver(content);
  files.start();
  await time.advance(60_000);
  assertEquals([served, log.map(({ error }) => error)], [[], ["/certs/tls.key is missing"]]);
  content.set("/certs/tls.key", "k1");
  await time.advance(10_000);
  assertEquals(served, [{ certPem: "c1", keyPem: "k1" }]);
});

Deno.test("Certificate files: told again only when they change, and never after the end", async () => {
  const content = new Map([["/certs/tls.crt", "c1"], ["/certs/tls.key", "k1"]]);
  const { files, served, time } = filesOver(content);
  files.start();
  await time.advance(60_000);
  assertEquals(served.length, 1);
  content.set("/certs/tls.crt", "c2");
  await time.advance(10_000);
  assertEquals(served[1], { certPem: "c2", keyPem: "k1" });
  await files.stop();
  content.set("/certs/tls.crt", "c3");
  await time.advance(60_000);
  await settle();
  assertEquals([served.length, time.pendingTimers], [2, 0]);
});
