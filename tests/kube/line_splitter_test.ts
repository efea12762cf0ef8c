import { assertEquals } from "@std/assert/equals";
import { below, SeededRng } from "../../lib/base/rng.ts";
import { LineSplitter } from "../../lib/edge/kube/line_splitter.ts";

Deno.test("LineSplitter: a line of more than the limit is refused, in one piece and in many", () => {
  for (const pieces of [["12345678901\n"], ["123456", "78901"], ["ok\n123456", "78901\n"]]) {
    const splitter = new LineSplitter({ lineBytesMax: 10 });
    const answers = pieces.map((piece) => splitter.push(new TextEncoder().encode(piece)));
    assertEquals(answers.at(-1), "tooLong", JSON.stringify(pieces));
  }
});

Deno.test("LineSplitter: a line of exactly the limit passes", () => {
  const splitter = new LineSplitter({ lineBytesMax: 10 });
  assertEquals(splitter.push(new TextEncoder().encode("1234567890\n")), ["1234567890"]);
});

Deno.test("LineSplitter: what stands behind the last newline is pending, not a line", () => {
  const splitter = new LineSplitter({ lineBytesMax: 100 });
  assertEquals(splitter.push(new TextEncoder().encode('{"a":1}\n\n \n{"b"')), ['{"a":1}']);
  assertEquals(splitter.pendingBytes, 4);
});

Deno.test("LineSplitter: the reader may use its buffer again for the next piece", () => {
  const splitter = new LineSplitter({ lineBytesMax: 100 });
  const buffer = new TextEncoder().encode("first ");
  splitter.push(buffer);
  buffer.set(new TextEncoder().encode("xxxx\n "));
  assertEquals(splitter.push(buffer), ["first xxxx"]);
});

Deno.test("LineSplitter: any cut of the same bytes gives the same lines, also inside a UTF-8 sequence", () => {
  const lines = ["plain", "größe 10 µs", "名前", "x".repeat(500), "🚀"];
  const bytes = new TextEncoder().encode(lines.join("\n") + "\n");
  for (let seed = 1; seed <= 500; seed++) {
    const rng = new SeededRng(seed);
    const splitter = new LineSplitter({ lineBytesMax: 1_000 });
    const got: string[] = [];
    for (let at = 0; at < bytes.length;) {
      const end = Math.min(bytes.length, at + 1 + below(rng, 20));
      const part = splitter.push(bytes.subarray(at, end));
      if (part === "tooLong") throw new Error(`seed ${seed}`);
      got.push(...part);
      at = end;
    }
    assertEquals(got, lines, `seed ${seed}`);
  }
});
