/**
 * What a Herald speaker says of itself in its Meta, which memberlist limits to 512 bytes; MetalLB's Meta is empty.
 *
 *     | "H" | 1 | map {c: capabilities, f: failed link probes, g: generation, i: usable interfaces,
 *                      n: those of them that have no IPv6, bit 0 for the first, s: state, v: version, w: watch port,
 *                      x: the lists are cut} |
 *
 * Lists are texts joined by blanks, which neither names of interfaces nor addresses contain. Keys that are not known are
 * passed over, so that later versions may say more. What does not fit is left out from the ends of the lists.
 */
import { canonicalIp } from "../../base/ip.ts";
import type { ReceivedFacts, SpeakerFacts } from "../../base/member.ts";
import { FieldNames } from "../../wire/memberlist/field_names.ts";
import { FieldReader } from "../../wire/memberlist/fields.ts";
import { META_BYTES_MAX, U16_MAX } from "../../wire/memberlist/message.ts";
import { MsgpackReader, MsgpackWriter } from "../../wire/memberlist/msgpack.ts";

const MAGIC = 0x48;
const FORMAT = 1;
const SEPARATOR = " ";
const STATES = ["starting", "alive", "leaving"] as const;
const KEYS = new FieldNames(["c", "f", "g", "i", "n", "s", "v", "w", "x"]);
/** So many that a number of 32 bits has one for each. */
const INTERFACES_MAX = 32;
const U32_MAX = 2 ** 32 - 1;
const LINK_PROBES_MAX = 16;
const CAPABILITIES_MAX = 16;
const VERSION_BYTES_MAX = 32;
/** Names of interfaces have at most 15 bytes and neither a slash nor white space (Linux: dev_valid_name). */
const INTERFACE_NAME = /^[^\s/]{1,15}$/;
const CAPABILITY = /^[a-z][a-zA-Z0-9]{0,31}$/;

export function encodeMeta(facts: SpeakerFacts): Uint8Array<ArrayBuffer> {
  const interfaces = facts.usableInterfaces.slice(0, INTERFACES_MAX);
  const failed = facts.failedLinkProbes.slice(0, LINK_PROBES_MAX);
  const asked = facts.usableInterfaces.length + facts.failedLinkProbes.length;
  while (true) {
    const listsAreCut = interfaces.length + failed.length < asked;
    const bytes = write({ ...facts, usableInterfaces: interfaces, failedLinkProbes: failed, listsAreCut });
    if (bytes.length <= META_BYTES_MAX) return bytes;
    // The longer list can spare more.
    if (interfaces.length >= failed.length) interfaces.pop();
    else failed.pop();
  }
}

function write(facts: ReceivedFacts): Uint8Array<ArrayBuffer> {
  return new MsgpackWriter().byte(MAGIC).byte(FORMAT).map(9)
    .text("c").text(facts.capabilities.join(SEPARATOR))
    .text("f").text(facts.failedLinkProbes.join(SEPARATOR))
    .text("g").unsigned(facts.generation)
    .text("i").text(facts.usableInterfaces.join(SEPARATOR))
    .text("n").unsigned(bitsOf(facts.ipv4OnlyInterfaces ?? [], facts.usableInterfaces))
    .text("s").unsigned(STATES.indexOf(facts.state))
    .text("v").text(facts.version.slice(0, VERSION_BYTES_MAX))
    .text("w").unsigned(facts.watchPort)
    .text("x").bool(facts.listsAreCut)
    .finish();
}

/** `undefined` when it is not Herald's, or not understood: then the member counts as one that says nothing. */
export function decodeMeta(bytes: Uint8Array): ReceivedFacts | undefined {
  if (bytes[0] !== MAGIC || bytes[1] !== FORMAT) return undefined;
  const reader = new MsgpackReader(bytes, 2);
  const fields = new FieldReader(reader.readFields(KEYS));
  const list = (key: string) => {
    const text = fields.text(key, META_BYTES_MAX);
    return text === "" ? [] : text.split(SEPARATOR);
  };
  const usableInterfaces = list("i");
  const ipv4OnlyInterfaces = namesOf(fields.number("n", U32_MAX), usableInterfaces);
  const facts: ReceivedFacts = {
    version: fields.text("v", VERSION_BYTES_MAX),
    capabilities: list("c"),
    generation: fields.number("g", Number.MAX_SAFE_INTEGER),
    watchPort: fields.number("w", U16_MAX),
    state: STATES[fields.number("s", STATES.length - 1)]!,
    usableInterfaces,
    ...(ipv4OnlyInterfaces.length === 0 ? {} : { ipv4OnlyInterfaces }),
    failedLinkProbes: list("f"),
    listsAreCut: fields.boolean("x"),
  };
  const isSound = reader.problem === undefined && fields.valid &&
    facts.capabilities.length <= CAPABILITIES_MAX && facts.capabilities.every((name) => CAPABILITY.test(name)) &&
    facts.usableInterfaces.length <= INTERFACES_MAX &&
    facts.usableInterfaces.every((name) => INTERFACE_NAME.test(name)) &&
    facts.failedLinkProbes.length <= LINK_PROBES_MAX &&
    facts.failedLinkProbes.every((address) => canonicalIp(address) === address);
  return isSound ? facts : undefined;
}

function bitsOf(names: readonly string[], all: readonly string[]): number {
  return all.reduce((bits, name, index) => names.includes(name) ? bits + 2 ** index : bits, 0);
}

function namesOf(bits: number, all: readonly string[]): string[] {
  return all.filter((_, index) => index < INTERFACES_MAX && (bits >>> index & 1) === 1);
}
