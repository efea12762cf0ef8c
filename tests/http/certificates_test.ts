import { assertEquals } from "@std/assert/equals";
import { assertThrows } from "@std/assert/throws";
import "reflect-metadata";
import * as x509 from "@peculiar/x509";
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
  Deno.test(`Certificates: refuses ${title}`, () => {
    assertThrows(() => makeSelfSignedCertificate({ hosts, clock }), RangeError);
  });
}

Deno.test("Certificates: names every host, is signed by its authority and is valid around the injected time", () => {
  const made = makeSelfSignedCertificate({
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

Deno.test("Certificates: the server certificate is no authority, the authority is, and the chain ends with it", () => {
  const made = makeSelfSignedCertificate({ hosts: ["localhost"], clock });
  assertEquals(made.certPem.match(/BEGIN CERTIFICATE/g)?.length, 2);
  assertEquals(made.certPem.endsWith(made.caPem), true);
  assertEquals(new X509Certificate(made.certPem).ca, false);
  assertEquals(new X509Certificate(made.caPem).ca, true);
});

Deno.test("Certificates: two calls share neither key nor serial number", () => {
  const first = makeSelfSignedCertificate({ hosts: ["localhost"], clock });
  const second = makeSelfSignedCertificate({ hosts: ["localhost"], clock });
  assertEquals(first.keyPem === second.keyPem, false);
  assertEquals(
    new X509Certificate(first.certPem).serialNumber === new X509Certificate(second.certPem).serialNumber,
    false,
  );
});

Deno.test("Certificates: a long first name is cut in the common name only", () => {
  const long = `${"a".repeat(60)}.${"b".repeat(60)}.example`;
  const made = makeSelfSignedCertificate({ hosts: [long], clock });
  assertEquals(new X509Certificate(made.certPem).subjectAltName, `DNS:${long}`);
});

Deno.test("Certificates: another implementation reads every extension, and the signature", async () => {
  const made = makeSelfSignedCertificate({ hosts: ["herald.example", "192.0.2.7", "2001:db8::7"], clock });
  const server = new x509.X509Certificate(made.certPem);
  const authority = new x509.X509Certificate(made.caPem);

  const [constraints, usage, purposes] = extensionsOf(server);
  assertEquals([constraints?.ca, constraints?.critical], [false, true]);
  assertEquals([usage?.usages, usage?.critical], [x509.KeyUsageFlags.digitalSignature, true]);
  assertEquals([...purposes?.usages ?? []], [x509.ExtendedKeyUsage.serverAuth]);
  assertEquals(server.getExtension(x509.SubjectAlternativeNameExtension)?.names.toJSON(), [
    { type: "dns", value: "herald.example" },
    { type: "ip", value: "192.0.2.7" },
    { type: "ip", value: "2001:db8::7" },
  ]);

  const [authorityConstraints, authorityUsage] = extensionsOf(authority);
  assertEquals([authorityConstraints?.ca, authorityConstraints?.pathLength], [true, 0]);
  assertEquals(authorityUsage?.usages, x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign);

  const expected = await x509.SubjectKeyIdentifierExtension.create(authority.publicKey);
  assertEquals(authority.getExtension(x509.SubjectKeyIdentifierExtension)?.keyId, expected.keyId);
  assertEquals(server.getExtension(x509.AuthorityKeyIdentifierExtension)?.keyId, expected.keyId);

  assertEquals(await authority.verify({ date: new Date(NOW_MS) }), true);
  assertEquals(await server.verify({ publicKey: authority, date: new Date(NOW_MS) }), true);
  assertEquals(await authority.verify({ publicKey: server, date: new Date(NOW_MS) }), false);
});

function extensionsOf(certificate: x509.X509Certificate) {
  return [
    certificate.getExtension(x509.BasicConstraintsExtension),
    certificate.getExtension(x509.KeyUsagesExtension),
    certificate.getExtension(x509.ExtendedKeyUsageExtension),
  ] as const;
}
