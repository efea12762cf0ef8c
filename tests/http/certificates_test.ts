import { assertEquals } from "@std/assert/equals";
import { assertRejects } from "@std/assert/rejects";
import { X509Certificate } from "node:crypto";
import { makeSelfSignedCertificate } from "../../lib/edge/http/certificates.ts";

const DAY_MS = 86_400_000;
const NOW_MS = Date.UTC(2030, 0, 1, 12, 0, 0, 789);
const clock = { wallMs: () => NOW_MS };

const BAD_HOSTS: readonly (readonly [string, readonly string[]])[] = [
  ["no host at all", []],
  ["an empty name", [""]],
  ["a URL", ["https://localhost"]],
  ["a name with a port", ["localhost:9120"]],
  ["an address with a part above 255", ["256.1.1.1"]],
  ["half an IPv6 address", ["fe80:::1"]],
  ["an IPv6 zone", ["fe80::1%eth0"]],
  ["a space", ["local host"]],
  ["a label that starts with a dash", ["-a.example"]],
  ["a name that is too long", [`${"a.".repeat(126)}ab`]],
  ["a good name before a bad one", ["localhost", "a..b"]],
  ["more than a hundred names", Array.from({ length: 101 }, (_, i) => `n${i}`)],
];

for (const [title, hosts] of BAD_HOSTS) {
  Deno.test(`Certificates: refuses ${title}`, async () => {
    await assertRejects(() => makeSelfSignedCertificate({ hosts, clock }), RangeError);
  });
}

Deno.test("Certificates: names every host, is signed by its authority and is valid around the injected time", async () => {
  const made = await makeSelfSignedCertificate({
    hosts: ["herald.example", "*.svc.example", "127.0.0.1", "[::1]"],
    clock,
    validityMs: 10 * DAY_MS,
  });
  const certificate = new X509Certificate(made.certPem);
  const authority = new X509Certificate(made.caPem);

  assertEquals(
    certificate.subjectAltName,
    "DNS:herald.example, DNS:*.svc.example, IP Address:127.0.0.1, IP Address:::1",
  );
  assertEquals(certificate.issuer, authority.subject);
  assertEquals(Date.parse(certificate.validFrom), Math.floor((NOW_MS - DAY_MS) / 1000) * 1000);
  assertEquals(Date.parse(certificate.validTo), made.notAfterMs);
  assertEquals(made.notAfterMs, Math.floor((NOW_MS + 10 * DAY_MS) / 1000) * 1000);
});

Deno.test("Certificates: the server certificate is no authority, the authority is, and the chain ends with it", async () => {
  const made = await makeSelfSignedCertificate({ hosts: ["localhost"], clock });
  assertEquals(made.certPem.match(/BEGIN CERTIFICATE/g)?.length, 2);
  assertEquals(made.certPem.endsWith(made.caPem), true);
  assertEquals(new X509Certificate(made.certPem).ca, false);
  assertEquals(new X509Certificate(made.caPem).ca, true);
});

Deno.test("Certificates: two calls share neither key nor serial number", async () => {
  const first = await makeSelfSignedCertificate({ hosts: ["localhost"], clock });
  const second = await makeSelfSignedCertificate({ hosts: ["localhost"], clock });
  assertEquals(first.keyPem === second.keyPem, false);
  assertEquals(
    new X509Certificate(first.certPem).serialNumber === new X509Certificate(second.certPem).serialNumber,
    false,
  );
});

Deno.test("Certificates: a long first name is cut in the common name only", async () => {
  const long = `${"a".repeat(60)}.${"b".repeat(60)}.example`;
  const made = await makeSelfSignedCertificate({ hosts: [long], clock });
  assertEquals(new X509Certificate(made.certPem).subjectAltName, `DNS:${long}`);
});
