// permissions: --allow-read --allow-run
/** The install file is what its parts make: whoever edits a part and forgets the whole sees it here. */
import { assertEquals } from "@std/assert/equals";

Deno.test("manifests/herald.yaml is what its parts make", async () => {
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-q", "--allow-read=manifests", "manifests/build.ts", "--check"],
    cwd: new URL("../..", import.meta.url).pathname,
  }).output();
  assertEquals([code, new TextDecoder().decode(stderr)], [0, ""]);
});
