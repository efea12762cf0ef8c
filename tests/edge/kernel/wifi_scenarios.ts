/** Wi-Fi (reference R-42): found to be that, promiscuous, answered on, and gone with its access point. */
import { assertEquals } from "@std/assert/equals";
import { assertMatch } from "@std/assert/match";
import { until } from "../../support/until.ts";
import type { Scenario } from "./scenario.ts";
import { ADDRESS, NODE_MAC, type WifiStage } from "./wifi_stage.ts";

export const WIFI_SCENARIOS: readonly Scenario<WifiStage>[] = [
  {
    name:
      "Wi-Fi: without an access point it has no carrier; let in it is found to be Wi-Fi, hears everything and answers",
    run: async (stage) => {
      await until("it is refused", () => stage.report.refused.some(({ reason }) => reason === "noCarrier"));
      assertEquals(stage.report.usable, []);
      const accessPoint = await stage.startAccessPoint();
      await stage.join();
      assertEquals(new Set(stage.logs("wirelessPromiscuous")), new Set(["wlan0"]));
      const shown = await new Deno.Command("ip", { args: ["-d", "link", "show", "wlan0"] }).output();
      assertMatch(new TextDecoder().decode(shown.stdout), / promiscuity 1 /);
      const macs = await until("it answers", async () => {
        await stage.join();
        const macs = await stage.answers();
        return macs.length > 0 && macs;
      });
      assertEquals(new Set(macs), new Set([NODE_MAC]));
      await stage.scan();
      await stage.join();
      await stage.stop(accessPoint);
      await until("it is refused", () => stage.report.usable.length === 0);
      assertEquals(stage.refusals().has("noMac"), false);
      assertEquals(stage.report.refused, [{ name: "wlan0", reason: "noCarrier" }]);
    },
  },
  {
    name: "Wi-Fi: let in again it is told anew",
    run: async (stage) => {
      const accessPoint = await stage.startAccessPoint();
      const path = "/run/herald-wifi.txt";
      const listen = `exec tcpdump -Z root -i wlan1 -n -e -l arp >${path} 2>&1`;
      stage.spawnBesideAccessPoint("sh", ["-c", listen]);
      await until("tcpdump listens", async () => (await readText(path)).includes("listening on"));
      await stage.join();
      const burst = new RegExp(`${NODE_MAC} > ff:ff:ff:ff:ff:ff.*${ADDRESS}`);
      await until("a burst", async () => burst.test(await readText(path)));
      await stage.stop(accessPoint);
      await until("it is refused", () => stage.report.usable.length === 0);
    },
  },
];

async function readText(path: string): Promise<string> {
  return await Deno.readTextFile(path).catch(() => "");
}
