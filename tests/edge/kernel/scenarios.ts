/** Everything that is run in the virtual machine, in this order. */
import { BOND_SCENARIOS } from "./bond_scenarios.ts";
import type { Scenario } from "./scenario.ts";
import { VLAN_SCENARIOS } from "./vlan_scenarios.ts";
import { VRF_SCENARIOS } from "./vrf_scenarios.ts";
import { OTHER_KINDS_SCENARIOS } from "./other_kinds_scenarios.ts";

export const SCENARIOS: readonly Scenario[] = [
  ...BOND_SCENARIOS,
  ...VLAN_SCENARIOS,
  ...VRF_SCENARIOS,
  ...OTHER_KINDS_SCENARIOS,
];
