import { assertEquals } from "@std/assert/equals";
import { coalesced } from "../../lib/app/coalesced.ts";

Deno.test("coalesced: calls of one go are one action after it, and later calls are another", async () => {
  let actions = 0;
  const act = coalesced(() => actions++);
  act();
  act();
  assertEquals(actions, 0);
  await Promise.resolve();
  assertEquals(actions, 1);
  await Promise.resolve();
  assertEquals(actions, 1);
  act();
  await Promise.resolve();
  assertEquals(actions, 2);
});

Deno.test("coalesced: a call from within the action is not lost", async () => {
  let actions = 0;
  const act: () => void = coalesced(() => {
    if (++actions === 1) act();
  });
  act();
  await Promise.resolve();
  await Promise.resolve();
  assertEquals(actions, 2);
});
