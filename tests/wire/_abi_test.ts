import { assertEquals } from "@std/assert/equals";
import { assertThrows } from "@std/assert/throws";
import { InvariantError } from "../../lib/base/assert.ts";
import { type CodecModule, codecWindows, decodeFailure, statusOffset } from "../../lib/wire/_abi.ts";
import arpWasm from "../../wasm/arp.wasm" with { type: "bytes" };
import arpCapture from "../golden/arp_nd.pcap" with { type: "bytes" };
import { pcapFrames } from "../support/pcap.ts";

/** Every codec: what is true of one has to be true of all. */
const MODULES: readonly { readonly name: string; readonly bytes: Uint8Array<ArrayBuffer> }[] = [
  { name: "arp", bytes: arpWasm },
];

type ArpExports = CodecModule & { decode(length: number): number; encode(): number };

/** A fresh instance as the engine makes it: its globals are objects and not yet numbers. */
function instantiate(bytes: Uint8Array<ArrayBuffer>): ArpExports {
  const exports = new WebAssembly.Instance(new WebAssembly.Module(bytes)).exports;
  const values = Object.entries(exports).map(([name, value]) => [
    name,
    value instanceof WebAssembly.Global ? value.value : value,
  ]);
  return Object.fromEntries(values);
}

for (const { name, bytes } of MODULES) {
  Deno.test(`${name}.wasm: imports nothing`, () => {
    assertEquals(WebAssembly.Module.imports(new WebAssembly.Module(bytes)), []);
  });

  Deno.test(`${name}.wasm: its memory is one page and cannot grow`, () => {
    const { memory } = instantiate(bytes);
    assertEquals(memory.buffer.byteLength, 65536);
    assertThrows(() => memory.grow(1), RangeError);
  });

  Deno.test(`${name}.wasm: no exported global can be written`, () => {
    const exports = new WebAssembly.Instance(new WebAssembly.Module(bytes)).exports;
    for (const value of Object.values(exports)) {
      if (value instanceof WebAssembly.Global) assertThrows(() => value.value = 1, TypeError);
    }
  });

  Deno.test(`${name}.wasm: its windows are aligned, inside memory and apart`, () => {
    const { inOffset, inSize, outOffset, outSize, memory } = instantiate(bytes);
    assertEquals([inOffset % 8, inSize % 8, outOffset % 8, outSize % 8], [0, 0, 0, 0]);
    assertEquals(inOffset > 0 && inOffset + inSize <= outOffset, true);
    assertEquals(outOffset + outSize <= memory.buffer.byteLength, true);
  });
}

Deno.test("arp.wasm: a refused frame leaves all memory as it was", () => {
  const codec = instantiate(arpWasm);
  const memory = new Uint8Array(codec.memory.buffer);
  const frame = pcapFrames(arpCapture)[0]!;
  const lengths = Array.from({ length: 42 }, (_, length) => length);
  for (const length of [...lengths, 2049, 4096, 65536, 0x7fffffff, -1, -0x80000000]) {
    memory.fill(0xa5);
    memory.set(frame, codec.inOffset);
    const before = new Uint8Array(memory);
    assertEquals(codec.decode(length) < 0, true, `length ${length}`);
    assertEquals(memory, before, `length ${length}`);
  }
  for (let offset = 12; offset < 20; offset++) {
    memory.fill(0xa5);
    memory.set(frame, codec.inOffset);
    memory[codec.inOffset + offset]! ^= 0xff;
    const before = new Uint8Array(memory);
    assertEquals(codec.decode(42) < 0, true, `byte ${offset}`);
    assertEquals(memory, before, `byte ${offset}`);
  }
});

Deno.test("arp.wasm: decode writes the record and nothing else", () => {
  const codec = instantiate(arpWasm);
  const memory = new Uint8Array(codec.memory.buffer).fill(0xa5);
  memory.set(pcapFrames(arpCapture)[0]!, codec.inOffset);
  const before = new Uint8Array(memory);
  assertEquals(codec.decode(42), 7 * 8);
  assertEquals(
    [...new Float64Array(codec.memory.buffer, codec.outOffset, 7)],
    [0xffffffffffff, 0x7e0dfa58a8c8, 1, 0x7e0dfa58a8c8, 0x0a62000b, 0, 0x0a6200d2],
  );
  memory.fill(0xa5, codec.outOffset, codec.outOffset + 56);
  assertEquals(memory, before);
});

Deno.test("arp.wasm: encode writes the frame and nothing else, and nothing at all for a bad record", () => {
  const codec = instantiate(arpWasm);
  const memory = new Uint8Array(codec.memory.buffer);
  const fields = new Float64Array(codec.memory.buffer, codec.inOffset, 7);
  for (let bad = -1; bad < 7; bad++) {
    memory.fill(0xa5);
    fields.set([1, 2, 3, 4, 5, 6, 7]);
    if (bad >= 0) fields[bad] = NaN;
    const before = new Uint8Array(memory);
    const status = codec.encode();
    if (bad < 0) {
      assertEquals(status, 60);
      memory.fill(0xa5, codec.outOffset, codec.outOffset + 60);
    } else {
      assertEquals(status < 0, true);
      assertEquals(statusOffset(status), bad * 8);
    }
    assertEquals(memory, before, `bad field ${bad}`);
  }
});

Deno.test("codecWindows: a module of another ABI version or with shared memory is a broken build", () => {
  const codec = instantiate(arpWasm);
  assertThrows(() => codecWindows({ ...codec, abiVersion: 2 }), InvariantError, "version 2");
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
  assertThrows(() => codecWindows({ ...codec, memory }), InvariantError, "shared");
});

Deno.test("decodeFailure: takes check and offset apart up to their limits", () => {
  const reasons = new Map([[1, "first"], [2047, "last"]]);
  const rows = [
    [-(1 << 20), "first", 0],
    [-((1 << 20) + 1), "first", 1],
    [-((1 << 20) + 0xfffff), "first", 0xfffff],
    [-(2047 * 2 ** 20 + 0xfffff), "last", 0xfffff],
  ] as const;
  for (const [status, reason, offset] of rows) {
    assertEquals(decodeFailure(status, reasons), { ok: false, reason, offset });
  }
});

Deno.test("decodeFailure: a status that names no check is a broken invariant", () => {
  for (const status of [-1, -(2 << 20), -(2 ** 31)]) {
    assertThrows(() => decodeFailure(status, new Map([[1, "only"]])), InvariantError, `${status}`);
  }
});
