/** What is done to a node in a virtual machine: the host knows the names, the machine runs them. */
import type { PacketStage } from "../app/packet_stage.ts";

export interface Scenario<Stage = PacketStage> {
  readonly name: string;
  readonly run: (stage: Stage) => Promise<void>;
}

/** What the machine says of each, a line of JSON on its serial line. */
export interface ScenarioResult {
  readonly name: string;
  readonly durationMs: number;
  /** Absent when all went well. */
  readonly error?: string;
}
