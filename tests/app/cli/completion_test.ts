import { assert } from "@std/assert/assert";
import { assertEquals } from "@std/assert/equals";
import { COMMANDS } from "../../../lib/app/cli/commands.ts";
import { herald } from "./cli_world.ts";

Deno.test("completion: a shell that is not known is a usage error", async () => {
  assertEquals((await herald(["completion", "tcsh"])).code, 2);
  assertEquals((await herald(["completion"])).code, 2);
});

for (const shell of ["bash", "zsh", "fish"]) {
  Deno.test(`completion: the script for ${shell} knows every command, flag and choice`, async () => {
    const { code, out } = await herald(["completion", shell]);
    assertEquals(code, 0);
    for (const { name, flags } of COMMANDS) {
      assert(out.includes(name), name);
      for (const [flag, { choices = [] }] of Object.entries(flags)) {
        assert(out.includes(shell === "fish" ? `-l ${flag}` : `--${flag}`), `${name} ${flag}`);
        assert(out.includes(choices.join(" ")), `${name} ${flag}: ${choices}`);
      }
    }
  });
}
