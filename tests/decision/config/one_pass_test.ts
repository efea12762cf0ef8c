import { assertEquals } from "@std/assert/equals";
import { poolObject } from "../objects.ts";
import { bgpObject, peerObject, resolveAll } from "./bgp_objects.ts";

Deno.test("One pass: what cannot be decoded does not hide the other mistakes of an object, and makes up none", () => {
  const table: [Parameters<typeof resolveAll>[0], string[]][] = [
    [
      {
        bgpPeers: [
          peerObject("p", {
            myASN: 0,
            peerASN: -2,
            peerAddress: "x",
            holdTime: "abc",
            routerID: "::1",
            nodeSelectors: [{}, {}],
          }),
        ],
      },
      [
        "error p spec.peerASN invalidValue",
        "error p spec.holdTime invalidValue",
        "error p spec.peerAddress invalidAddress",
        "error p spec.nodeSelectors[1] duplicateEntry",
        "error p spec.myASN invalidValue",
        "error p spec.routerID invalidAddress",
      ].sort(),
    ],
    // That a peer's number is missing would be a consequence.
    [{ bgpPeers: [peerObject("p", { peerASN: undefined, dynamicASN: "x" })] }, [
      "error p spec.dynamicASN invalidValue",
    ]],
    [{ bgpPeers: [peerObject("p", { peerAddress: 5 })] }, ["error p spec.peerAddress wrongType"]],
    [
      { bgpAdvertisements: [bgpObject("a", { localPref: -1, communities: ["1:2:3"], aggregationLengthV6: 0 })] },
      [
        "error a spec.aggregationLengthV6 invalidAggregation",
        "error a spec.communities[0] invalidCommunity",
        "error a spec.localPref invalidValue",
      ],
    ],
    // Without one of its elements the others would be counted wrongly, so a list is left out whole.
    [
      { bgpAdvertisements: [bgpObject("a", { communities: [5, "x", "x"], peers: ["y", "y"] })] },
      ["error a spec.communities[0] wrongType", "error a spec.peers[1] duplicateEntry"],
    ],
    [
      { ipAddressPools: [poolObject("q", ["10.0.0.0/33", "10.0.0.0/8"], { autoAssign: "yes" })] },
      ["error q spec.addresses[0] invalidAddress", "error q spec.autoAssign wrongType"],
    ],
    [{ ipAddressPools: [poolObject("q", [5, "x"])] }, ["error q spec.addresses[0] wrongType"]],
  ];
  for (const [objects, expected] of table) {
    const { problems, config } = resolveAll(objects);
    const errors = problems.filter(({ severity }) => severity === "error");
    assertEquals(errors.map(({ name, path, reason }) => `error ${name} ${path} ${reason}`).sort(), expected);
    assertEquals([config.pools, config.bgpPeers, config.bgpAdvertisements], [[], [], []]);
  }
});

Deno.test("One pass: a pool that cannot be decoded keeps its name and labels, and takes no addresses", () => {
  const { config, short } = resolveAll({
    ipAddressPools: [
      { metadata: { name: "a", labels: { zone: "x" } }, spec: { addresses: ["10.0.0.0/8"], autoAssign: 1 } },
      poolObject("b", ["10.0.0.0/24"]),
    ],
  });
  assertEquals(short, ["error a spec.autoAssign wrongType"]);
  assertEquals([...config.disabledPools], [["a", { zone: "x" }]]);
  assertEquals(config.pools.map(({ name }) => name), ["b"]);
});
