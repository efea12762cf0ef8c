import { assertEquals } from "@std/assert/equals";
import type { LogEvent } from "../../lib/base/log.ts";
import { SecretFollower } from "../../lib/app/secret_follower.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

/** Each look at the file gives the next of these; an error is one that is thrown. */
async function follow(looks: readonly (string | Error)[]): Promise<{ changes: string[]; logged: LogEvent[] }> {
  const changes: string[] = [];
  const logged: LogEvent[] = [];
  const waiting: (() => void)[] = [];
  const left = [...looks];
  const follower = new SecretFollower({ path: "/secret", known: bytes("old") }, {
    log: (event) => logged.push(event),
    schedule: (run) => {
      waiting.push(run);
      return () => {};
    },
    read: () => {
      const next = left.shift()!;
      return next instanceof Error ? Promise.reject(next) : Promise.resolve(bytes(next));
    },
  });
  follower.start((secret) => changes.push(new TextDecoder().decode(secret)));
  while (left.length > 0) {
    waiting.shift()!();
    for (let turns = 0; turns < 10; turns++) await Promise.resolve();
  }
  follower.stop();
  return { changes, logged };
}

Deno.test("SecretFollower: only what is another secret than before is told, once", async () => {
  const { changes, logged } = await follow(["old", "new", "new", "old"]);
  assertEquals([changes, logged], [["new", "old"], []]);
});

Deno.test("SecretFollower: an empty file is no secret, nor is one that is away for a moment", async () => {
  const { changes, logged } = await follow(["", new Error("gone"), "old", "", "new"]);
  assertEquals([changes, logged], [["new"], []]);
});

Deno.test("SecretFollower: a file that stays away is told once", async () => {
  const gone = new Error("gone");
  const { changes, logged } = await follow([gone, gone, gone, gone, gone, "old", gone, gone]);
  assertEquals(changes, []);
  assertEquals(logged, [{ level: "warn", event: "secretNotRead", path: "/secret", error: "gone" }]);
});
