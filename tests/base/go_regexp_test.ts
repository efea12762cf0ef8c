import { assertEquals } from "@std/assert/equals";
import { parseGoRegExp } from "../../lib/base/go_regexp.ts";

/** What Go 1.26's regexp package says of each expression: the names that it finds it in. */
const NAMES = [
  "eth0",
  "eth1",
  "eth0.100",
  "eth0x100",
  "ens3",
  "docker0",
  "veth12",
  "my-veth",
  "lo",
  "lo1",
  "br-1a2b",
  "cni0",
  "ETH0",
  "a.b",
  "axb",
  "x{,2}",
  "a{",
  "[x",
  "a]",
];
const FOUND: readonly (readonly [pattern: string, names: string])[] = [
  ["^docker.*", "docker0"],
  ["^veth", "veth12"],
  ["eth", "eth0 eth1 eth0.100 eth0x100 veth12 my-veth"],
  ["^lo$", "lo"],
  ["^(eth|ens)[0-9]+$", "eth0 eth1 ens3"],
  ["\\Aeth0\\z", "eth0"],
  ["(?i)^ETH", "eth0 eth1 eth0.100 eth0x100 ETH0"],
  ["(?i:ETH)0", "eth0 eth0.100 eth0x100 ETH0"],
  ["^[[:alpha:]]+$", "lo axb"],
  ["^[[:alpha:][:digit:]]+$", "eth0 eth1 eth0x100 ens3 docker0 veth12 lo lo1 cni0 ETH0 axb"],
  ["^[^[:digit:]]+$", "my-veth lo a.b axb a{ [x a]"],
  ["^[]0-9eth]+$", "eth0 eth1"],
  ["^[^]0-9]+$", "my-veth lo a.b axb a{ [x"],
  ["\\Qa.b\\E", "a.b"],
  ["\\Qeth0", "eth0 eth0.100 eth0x100"],
  ["^e\\x74h", "eth0 eth1 eth0.100 eth0x100"],
  ["^\\x{65}th", "eth0 eth1 eth0.100 eth0x100"],
  ["(?P<kind>eth)0", "eth0 eth0.100 eth0x100"],
  ["(?<kind>eth)0", "eth0 eth0.100 eth0x100"],
  ["^eth\\.?100", ""],
  ["eth0.100$", "eth0.100 eth0x100"],
  ["eth0\\.100$", "eth0.100"],
  ["^.{4}$", "eth0 eth1 ens3 cni0 ETH0"],
  ["^.{3,5}$", "eth0 eth1 ens3 lo1 cni0 ETH0 a.b axb x{,2}"],
  ["x{,2}", "x{,2}"],
  ["a{", "a{"],
  ["[[]", "[x"],
  ["^[\\w-]+$", "eth0 eth1 eth0x100 ens3 docker0 veth12 my-veth lo lo1 br-1a2b cni0 ETH0 axb"],
  ["\\beth0\\b", "eth0 eth0.100"],
  ["^en[ps]", "ens3"],
  ["-", "my-veth br-1a2b"],
  [".", "eth0 eth1 eth0.100 eth0x100 ens3 docker0 veth12 my-veth lo lo1 br-1a2b cni0 ETH0 a.b axb x{,2} a{ [x a]"],
  ["eth[^0]", "eth1 veth12"],
  ["^(?:br|cni)[-0]", "br-1a2b cni0"],
  ["[a\\]]", "br-1a2b a.b axb a{ a]"],
  ["\\_", ""],
  ["^\\S+$", "eth0 eth1 eth0.100 eth0x100 ens3 docker0 veth12 my-veth lo lo1 br-1a2b cni0 ETH0 a.b axb x{,2} a{ [x a]"],
  ["\\a", ""],
];

for (const [pattern, names] of FOUND) {
  Deno.test(`parseGoRegExp: ${pattern} finds what Go finds`, () => {
    const result = parseGoRegExp(pattern);
    const expression = new RegExp(result.ok ? result.source : result.message);
    assertEquals([result.ok, NAMES.filter((name) => expression.test(name)).join(" ")], [true, names]);
  });
}

/** Go refuses these too. */
const REFUSED: readonly (readonly [pattern: string, message: string])[] = [
  ["(", "is not a regular expression"],
  [")", "is not a regular expression"],
  ["[", 'lacks a "]"'],
  ["*", "is not a regular expression"],
  ["a**", "is not a regular expression"],
  ["a++", "is not a regular expression"],
  ["(?!eth)", 'uses "(?!e", which is not supported'],
  ["^(?!eth)", 'uses "(?!e", which is not supported'],
  ["(?=e)", 'uses "(?=e", which is not supported'],
  ["(?<=e)t", 'uses "(?<=", which is not supported'],
  ["(e)\\1", 'uses "\\1", which is not supported'],
  ["[[:foo:]]", 'uses "[:foo:]", which is not supported'],
  ["a{1001}", "repeats more than 1000 times"],
  ["\\", "ends in a single backslash"],
  ["[a", 'lacks a "]"'],
  ["\\8", 'uses "\\8", which is not supported'],
  ["\\k<x>", 'uses "\\k", which is not supported'],
  ["(?P<n", 'uses "(?P<", which is not supported'],
  ["[\\b]", 'uses "\\b", which is not supported'],
  ["[z-a]", "is not a regular expression"],
  ["x{2,1}", "is not a regular expression"],
  ["\\u0041", 'uses "\\u", which is not supported'],
];

/** Go takes these. */
const NOT_SUPPORTED: readonly (readonly [pattern: string, message: string])[] = [
  ["\\pL", 'uses "\\p", which is not supported'],
  ["\\z*", "is not a regular expression"],
  ["(?U)a", 'uses "(?U", which is not supported'],
  ["eth(?i)0", 'uses "(?i", which is not supported'],
  ["[[:^digit:]]", 'uses "[:^digit:]", which is not supported'],
];

for (const [pattern, message] of [...REFUSED, ...NOT_SUPPORTED]) {
  Deno.test(`parseGoRegExp: ${pattern} is refused with its reason`, () => {
    assertEquals(parseGoRegExp(pattern), { ok: false, message });
  });
}
