/**
 * What Herald speakers tell all others of their kind by gossip, beside who lives: memberlist's user messages.
 *
 * memberlist hands a user message to whoever happens to get it and leaves the rest to the user. So each carries who sent
 * it in which of its lives and under which number; every speaker tells it on when it hears it first, and takes it once.
 *
 *     | "H" | 1 | map {b: bytes, g: generation, n: node, s: number} |
 */
import { FieldReader } from "../../wire/memberlist/fields.ts";
import { MsgpackReader, MsgpackWriter } from "../../wire/memberlist/msgpack.ts";

export interface SpokenMessage {
  readonly node: string;
  readonly bytes: Uint8Array;
}

/** So that it goes with others into one datagram. */
export const USER_MESSAGE_BYTES_MAX = 1024;

const MAGIC = 0x48;
const FORMAT = 1;
const KEYS: ReadonlySet<string> = new Set(["b", "g", "n", "s"]);
/** Messages that arrive later than this many newer ones of the same node are taken for repetitions. */
const WINDOW = 1024;

interface Heard {
  readonly generation: number;
  highest: number;
  /** Within the window. */
  readonly numbers: Set<number>;
}

export class UserMessages {
  readonly #node: string;
  readonly #generation: number;
  readonly #heard = new Map<string, Heard>();
  #number = 0;

  constructor(options: { readonly node: string; readonly generation: number }) {
    this.#node = options.node;
    this.#generation = options.generation;
  }

  /** The bytes to tell everybody, or `undefined` when there are too many. */
  wrap(bytes: Uint8Array): Uint8Array | undefined {
    if (bytes.length > USER_MESSAGE_BYTES_MAX) return undefined;
    return new MsgpackWriter().byte(MAGIC).byte(FORMAT).map(4)
      .text("b").raw(bytes)
      .text("g").unsigned(this.#generation)
      .text("n").text(this.#node)
      .text("s").unsigned(++this.#number)
      .finish();
  }

  /** The message when it is heard for the first time, to be told on. Nodes that are no members are not listened to. */
  unwrap(bytes: Uint8Array, isMember: (node: string) => boolean): SpokenMessage | undefined {
    if (bytes[0] !== MAGIC || bytes[1] !== FORMAT) return undefined;
    const reader = new MsgpackReader(bytes, 2);
    const fields = new FieldReader(reader.readFields(KEYS));
    const node = fields.nodeName("n");
    const generation = fields.number("g", Number.MAX_SAFE_INTEGER);
    const number = fields.number("s", Number.MAX_SAFE_INTEGER);
    const text = fields.bytes("b", USER_MESSAGE_BYTES_MAX);
    if (reader.problem !== undefined || !fields.valid || node === this.#node || !isMember(node)) return undefined;
    return this.#isNew(node, { generation, number }) ? { node, bytes: text } : undefined;
  }

  forget(node: string): void {
    this.#heard.delete(node);
  }

  #isNew(node: string, { generation, number }: { readonly generation: number; readonly number: number }): boolean {
    const known = this.#heard.get(node);
    if (known !== undefined && generation < known.generation) return false;
    if (known === undefined || generation > known.generation) {
      this.#heard.set(node, { generation, highest: number, numbers: new Set([number]) });
      return true;
    }
    if (number <= known.highest - WINDOW || known.numbers.has(number)) return false;
    known.numbers.add(number);
    known.highest = Math.max(known.highest, number);
    if (known.numbers.size > 2 * WINDOW) {
      for (const old of known.numbers) if (old <= known.highest - WINDOW) known.numbers.delete(old);
    }
    return true;
  }
}
