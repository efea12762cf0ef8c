/** Everything that is run in virtual machines: one for each test file, which runs its list in this order. */
import { BOND_SCENARIOS } from "./bond_scenarios.ts";
import { NAME_SCENARIOS } from "./name_scenarios.ts";
import { OTHER_KINDS_SCENARIOS } from "./other_kinds_scenarios.ts";
import type { Scenario } from "./scenario.ts";
import { TEAM_SCENARIOS } from "./team_scenarios.ts";
import { VLAN_SCENARIOS } from "./vlan_scenarios.ts";
import { VRF_SCENARIOS } from "./vrf_scenarios.ts";

export const SCENARIOS = {
  bonds: [...BOND_SCENARIOS, ...TEAM_SCENARIOS, ...NAME_SCENARIOS],
  vlans: [...VLAN_SCENARIOS, ...VRF_SCENARIOS, ...OTHER_KINDS_SCENARIOS],
} satisfies Record<string, readonly Scenario[]>;
