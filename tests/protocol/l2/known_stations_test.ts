import { assertEquals } from "@std/assert/equals";
import type { Mac } from "../../../lib/base/mac.ts";
import { KnownStations } from "../../../lib/protocol/l2/known_stations.ts";

const A = 0x02_00_00_00_00_0a as Mac;
const B = 0x02_00_00_00_00_0b as Mac;
const TEN_MINUTES = 600_000;

Deno.test("KnownStations: a MAC that nobody told is a stranger's", () => {
  const stations = new KnownStations();
  assertEquals([stations.isOwn(A), stations.nodeOf(A, 0), stations.knows("a")], [false, undefined, false]);
});

Deno.test("KnownStations: an interface that is gone or has another MAC does not keep the old one ours", () => {
  const stations = new KnownStations();
  stations.setOwn(2, A);
  stations.setOwn(3, A);
  stations.setOwn(2, B);
  assertEquals([stations.isOwn(A), stations.isOwn(B)], [true, true]);
  stations.setOwn(3, undefined);
  assertEquals([stations.isOwn(A), stations.isOwn(B)], [false, true]);
});

Deno.test("KnownStations: a speaker that is gone is no stranger for ten minutes, and none when it is back", () => {
  const stations = new KnownStations();
  stations.learn("n1", A);
  stations.leave("n1", 0);
  stations.leave("n1", 5_000);
  assertEquals(stations.nodeOf(A, TEN_MINUTES), "n1");
  assertEquals(stations.nodeOf(A, TEN_MINUTES + 1), undefined);
  stations.learn("n1", B);
  stations.leave("n1", 0);
  stations.learn("n1", B);
  assertEquals(stations.nodeOf(B, 10 * TEN_MINUTES), "n1");
});

Deno.test("KnownStations: a MAC that moves to another node is that one's", () => {
  const stations = new KnownStations();
  stations.learn("n1", A);
  stations.learn("n2", A);
  assertEquals([stations.nodeOf(A, 0), stations.knows("n1"), stations.knows("n2")], ["n2", false, true]);
});

Deno.test("KnownStations: however many MACs are told, it holds 4096, the latest", () => {
  const stations = new KnownStations();
  for (let i = 0; i <= 4096; i++) stations.learn("n1", (A + i) as Mac);
  assertEquals([stations.nodeOf(A, 0), stations.nodeOf((A + 4096) as Mac, 0)], [undefined, "n1"]);
});

Deno.test("KnownStations: a new peer is expected for five seconds, or until it is heard or gone; a known one is not", () => {
  const stations = new KnownStations();
  stations.expect("n1", 0);
  assertEquals([stations.isExpecting(4999), stations.isExpecting(5000), stations.isExpecting(0)], [true, false, false]);
  stations.expect("n1", 0);
  stations.learn("n1", A);
  stations.expect("n1", 0);
  assertEquals(stations.isExpecting(0), false);
  stations.expect("n2", 0);
  stations.leave("n2", 0);
  assertEquals(stations.isExpecting(0), false);
});
