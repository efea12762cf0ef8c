import { assertEquals } from "@std/assert/equals";
import { SeededRng } from "../../lib/base/rng.ts";
import { decodeProtobufBody, PROTOBUF_TYPE } from "../../lib/edge/embedded/protobuf.ts";
import { StatusError } from "../../lib/edge/embedded/status_error.ts";
import { EmbeddedStage, SERVICES } from "./embedded_stage.ts";

/** What `kubectl create service loadbalancer web --tcp=80:8080` (v1.32.4) sent, seen with `-v=9`. */
const KUBECTL_SERVICE = Uint8Array.fromHex(
  ("6b387300 0a0d0a0276311207536572766963 65126c0a1f0a03776562120 01a00" +
    "22002a00320038004200 5a0a0a036170701203776562 12450a1b0a0738302d383038301203544350185022070800109 03f" +
    "1a002800120a0a03617070120377656 21a00220c4c6f616442616c616e636572 3a00420052005a0060006800 1a020a00" +
    "1a002200").replaceAll(" ", ""),
);

Deno.test("Protobuf: bytes that are no Kubernetes object get 400 or 415, whatever they are", async () => {
  const rows: readonly [string, number][] = [
    ["00", 400],
    ["6b387301", 400],
    ["6b387300", 415],
    ["6b387300ff", 400],
    ["6b387300ffffffffffffffffffffff", 400],
    ["6b3873000a7f", 400],
    ["6b38730009", 400],
    ["6b3873000800", 415],
    ["6b3873000a0d0a0276311207536572766963651202", 400],
    ["6b3873000a080a027631120253781200", 415],
  ];
  const stage = new EmbeddedStage();
  for (const [hex, code] of rows) {
    const request = new Request(`http://api${SERVICES}`, {
      method: "POST",
      headers: { "content-type": PROTOBUF_TYPE },
      body: Uint8Array.fromHex(hex),
    });
    assertEquals((await stage.api.fetch(request)).status, code, hex);
  }
});

Deno.test("Protobuf: kubectl's own bytes become the Service that it meant", async () => {
  assertEquals(decodeProtobufBody(KUBECTL_SERVICE), {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: "web", labels: { app: "web" } },
    spec: {
      ports: [{ name: "80-8080", protocol: "TCP", port: 80, targetPort: 8080 }],
      selector: { app: "web" },
      type: "LoadBalancer",
    },
  });
  const stage = new EmbeddedStage();
  const request = new Request(`http://api${SERVICES}`, {
    method: "POST",
    headers: { "content-type": PROTOBUF_TYPE },
    body: KUBECTL_SERVICE,
  });
  assertEquals((await stage.api.fetch(request)).status, 201);
  assertEquals((await stage.get(`${SERVICES}/web`)).body.spec.ports[0].targetPort, 8080);
});

Deno.test("Protobuf: any damage to a body is an answer, never a crash", () => {
  const seed = 20260102;
  const rng = new SeededRng(seed);
  for (let round = 0; round < 20_000; round++) {
    const bytes = KUBECTL_SERVICE.slice(0, 4 + rng.u32() % (KUBECTL_SERVICE.length - 3));
    for (let i = rng.u32() % 4; i >= 0; i--) {
      if (bytes.length > 4) bytes[4 + rng.u32() % (bytes.length - 4)] = rng.u32() & 0xff;
    }
    try {
      decodeProtobufBody(bytes);
    } catch (error) {
      const known = error instanceof StatusError && (error.code === 400 || error.code === 415);
      assertEquals(known, true, `seed ${seed}, round ${round}: ${String(error)} for ${bytes.toHex()}`);
    }
  }
});
