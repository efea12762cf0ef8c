import { assertEquals } from "@std/assert/equals";
import { healthApp } from "../../lib/edge/http/health.ts";

const throwing = () => {
  throw new Error("broken");
};

const ROWS: readonly (readonly [string, readonly { name: string; ready: () => boolean }[], number, string])[] = [
  [
    "one of two missing",
    [{ name: "caches", ready: () => true }, { name: "sockets", ready: () => false }],
    503,
    "[+] caches\n[-] sockets: not ready\nnot ready: 1 of 2 conditions missing\n",
  ],
  [
    "a condition that throws",
    [{ name: "caches", ready: throwing }],
    503,
    "[-] caches: not ready\nnot ready: 1 of 1 conditions missing\n",
  ],
  ["all there", [{ name: "caches", ready: () => true }], 200, "[+] caches\nready\n"],
  ["no conditions", [], 200, "ready\n"],
];

for (const [title, conditions, status, body] of ROWS) {
  Deno.test(`Health: readiness with ${title} is ${status}`, async () => {
    const response = await healthApp({ conditions }).request("/readyz");
    assertEquals([response.status, await response.text()], [status, body]);
  });
}

Deno.test("Health: conditions are asked anew by every probe", async () => {
  let ready = false;
  const app = healthApp({ conditions: [{ name: "caches", ready: () => ready }] });
  assertEquals((await app.request("/readyz")).status, 503);
  ready = true;
  assertEquals((await app.request("/readyz")).status, 200);
  ready = false;
  assertEquals((await app.request("/readyz")).status, 503);
});

Deno.test("Health: alive as long as it answers, whatever is not ready", async () => {
  const response = await healthApp({ conditions: [{ name: "caches", ready: throwing }] }).request("/healthz");
  assertEquals([response.status, await response.text()], [200, "ok\n"]);
});
