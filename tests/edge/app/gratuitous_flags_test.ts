// needs: tcpdump curl
/**
 * How often a take-over is told to the segment, as an operator sets it by the flags of a speaker, counted on the wire by
 * tcpdump. Of times only lower bounds are asserted: a busy machine makes pauses longer, never shorter.
 */
import { assert } from "@std/assert/assert";
import { assertEquals } from "@std/assert/equals";
import { macOf, type ProgramStage, withPrograms } from "./program_stage.ts";
import { startSpeakers } from "./speakers.ts";
import { canCapture, Capture, pause, until } from "./witness.ts";

const ADDRESSES = ["192.168.77.200", "192.168.77.201"] as const;
/** A process that stands still for 2.25 of these tells everything anew: on a busy machine that must be seldom. */
const PATIENT = "--watch-interval-ms=1000";
const BURST = ["request", "reply"];

interface Telling {
  readonly address: string;
  readonly form: string;
  /** Seconds. */
  readonly at: number;
}

/** Both gratuitous forms name the address as sender and as target (RFC 5227 §3); an answer does not. */
async function tellings(capture: Capture): Promise<Telling[]> {
  const told: Telling[] = [];
  for (const address of ADDRESSES) {
    for (const { hex, at } of await capture.sentFor(address, macOf("n1"))) {
      if (hex.slice(56, 64) !== hex.slice(76, 84)) continue;
      told.push({ address, at, form: hex.slice(40, 44) === "0001" ? "request" : "reply" });
    }
  }
  return told.sort((one, other) => one.at - other.at);
}

/** What a speaker with these flags tells from its start on: at least so much, and whatever comes within `restMs` of it. */
async function toldBySpeaker(
  stage: ProgramStage,
  { flags, atLeast, restMs }: { flags: readonly string[]; atLeast: number; restMs: number },
): Promise<Telling[]> {
  const capture = await Capture.start(stage.client);
  try {
    const speaker = (await startSpeakers(stage, ["n1"], [PATIENT, ...flags])).get("n1")!;
    await until(`${atLeast} frames came`, async () => (await tellings(capture)).length >= atLeast);
    await pause(restMs);
    const told = await tellings(capture);
    assertEquals(await speaker.kill("SIGTERM"), 0);
    return told;
  } finally {
    await capture.stop();
  }
}

const ofAddress = (told: readonly Telling[], address: string) => told.filter((telling) => telling.address === address);
const formsOf = (told: readonly Telling[]) => told.map(({ form }) => form);
/** Seconds from each request form to the next one. */
function pausesOf(told: readonly Telling[]): number[] {
  const at = told.filter(({ form }) => form === "request").map((telling) => telling.at);
  return at.slice(1).map((time, index) => time - at[index]!);
}

Deno.test("Gratuitous flags: so many bursts, so far apart, and all addresses again after each rest", {
  ignore: !canCapture,
}, (t) =>
  withPrograms({ nodes: 1 }, async (stage) => {
    await stage.startController();
    for (const name of ["one", "two"]) await stage.createService(name);
    for (const name of ["one", "two"]) await stage.addressOfService(name);

    await t.step("--gratuitous-bursts and --gratuitous-interval-ms", async () => {
      const flags = ["--gratuitous-bursts=2", "--gratuitous-interval-ms=1800"];
      // A third burst would come within the rest.
      const told = await toldBySpeaker(stage, { flags, atLeast: 8, restMs: 2_500 });
      for (const address of ADDRESSES) {
        const here = ofAddress(told, address);
        assertEquals(formsOf(here), [...BURST, ...BURST], address);
        const [pauseS] = pausesOf(here);
        assert(pauseS! > 1.5, `${address}: the second burst came ${pauseS} s after the first one`);
      }
    });

    await t.step("--gratuitous-refresh-seconds", async () => {
      const flags = ["--gratuitous-bursts=1", "--gratuitous-refresh-seconds=1"];
      // The take-over's burst and three rounds.
      const told = await toldBySpeaker(stage, { flags, atLeast: 16, restMs: 0 });
      assertEquals(formsOf(told.slice(0, 16)), Array(8).fill(BURST).flat());
      for (const address of ADDRESSES) {
        const here = ofAddress(told, address);
        assertEquals(formsOf(here.slice(0, 8)), Array(4).fill(BURST).flat(), address);
        // The rest before the first round began with the first address, wherever this one was then.
        const rests = pausesOf(here).slice(1);
        for (const restS of rests) assert(restS > 0.8, `${address} was told again after ${restS} s`);
      }
    });
  }));

Deno.test("Gratuitous flags: a value that is out of bounds or no number ends the speaker with 2 and says what would be right", () =>
  withPrograms({ nodes: 1 }, async (stage) => {
    const flags = [
      "--node-name=n1",
      "--gratuitous-bursts=0",
      "--gratuitous-interval-ms=99",
      "--gratuitous-refresh-seconds=often",
    ];
    const program = await stage.startWith("speaker", { host: stage.lab.host("n1"), flags });
    assertEquals((await program.ended).code, 2);
    assertEquals(program.stderr().trim().split("\n"), [
      'herald speaker: --gratuitous-bursts: "0" is not a whole number from 1 to 1000',
      'herald speaker: --gratuitous-interval-ms: "99" is not a whole number from 100 to 60000',
      'herald speaker: --gratuitous-refresh-seconds: "often" is not a whole number from 0 to 86400',
    ]);
    assertEquals(program.output(), "");
  }));
