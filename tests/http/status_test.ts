import { assertEquals } from "@std/assert/equals";
import type { Json } from "../../lib/base/json.ts";
import { statusApp } from "../../lib/edge/http/status.ts";

async function ask(inspect: () => Json | Promise<Json>, inspectLimitMs = 10_000) {
  const response = await statusApp({ inspectLimitMs }, { inspect }).request("/status");
  return { status: response.status, text: await response.text(), type: response.headers.get("content-type") };
}

Deno.test("Status: an inspect that throws is named, not hidden", async () => {
  const { status, text } = await ask(() => {
    throw new TypeError("a bug");
  });
  assertEquals([status, JSON.parse(text)], [500, { error: "TypeError: a bug" }]);
});

Deno.test("Status: an inspect that rejects is named, not hidden", async () => {
  const { status, text } = await ask(() => Promise.reject(new TypeError("a bug")));
  assertEquals([status, JSON.parse(text)], [500, { error: "TypeError: a bug" }]);
});

Deno.test("Status: an inspect that never answers ends in 504", async () => {
  const { status, text } = await ask(() => new Promise(() => {}), 1);
  assertEquals([status, JSON.parse(text)], [504, { error: "the program did not describe itself within 1 ms" }]);
});

Deno.test("Status: the picture is JSON that people can read, never stored", async () => {
  const app = statusApp({}, { inspect: () => ({ node: "n1", addresses: ["192.0.2.1"] }) });
  const response = await app.request("/status");
  assertEquals(response.headers.get("cache-control"), "no-store");
  assertEquals(response.headers.get("content-type"), "application/json; charset=utf-8");
  assertEquals(await response.text(), '{\n  "node": "n1",\n  "addresses": [\n    "192.0.2.1"\n  ]\n}\n');
});

Deno.test("Status: waits for the packet thread's part", async () => {
  const { status, text } = await ask(() => Promise.resolve({ late: true }));
  assertEquals([status, JSON.parse(text)], [200, { late: true }]);
});
