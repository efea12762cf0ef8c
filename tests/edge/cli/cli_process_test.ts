// needs: bash
/**
 * The `herald` command as a process, with the permissions of its own set: files, pipes, exit codes, completion in bash.
 */
import { assert } from "@std/assert/assert";
import { assertEquals } from "@std/assert/equals";
import { assertMatch } from "@std/assert/match";

const ROOT = new URL("../../../", import.meta.url).pathname;
const GUIDE = "tests/golden/guides/003-enterprise-guide.yaml";

interface Outcome {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

async function run(command: string, options: { args: readonly string[]; stdin?: string }): Promise<Outcome> {
  const child = new Deno.Command(command, {
    args: [...options.args],
    cwd: ROOT,
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
    env: { NO_COLOR: "1" },
  }).spawn();
  const writer = child.stdin.getWriter();
  // A command that does not read its input closes it.
  await writer.write(new TextEncoder().encode(options.stdin ?? "")).catch(() => {});
  await writer.close().catch(() => {});
  const { code, stdout, stderr } = await child.output();
  return { code, out: new TextDecoder().decode(stdout), err: new TextDecoder().decode(stderr) };
}

const HERALD = ["run", "-q", "--no-prompt", "-P=cli", "main_cli.ts"];
const herald = (args: readonly string[], stdin = "") => run(Deno.execPath(), { args: [...HERALD, ...args], stdin });

Deno.test("herald validate: a file, a folder and a pipe, with the exit codes of the design", async () => {
  const file = await herald(["validate", "-f", GUIDE, "-o", "json"]);
  assertEquals([file.code, file.err], [1, ""]);
  const piped = await herald(["validate", "-f", "-", "-o", "json"], await Deno.readTextFile(ROOT + GUIDE));
  assertEquals(piped, file);
  const folder = await herald(["validate", "-f", "manifests/examples"]);
  assertEquals([folder.code, folder.err], [0, ""]);
  assertMatch(folder.out, /^valid: \d+ objects, 0 errors, 0 warnings in 4 files\n$/m);
  const missing = await herald(["validate", "-f", "no/such/file.yaml"]);
  assertEquals([missing.code, missing.out], [2, ""]);
});

Deno.test("herald validate: no escape sequence goes into a pipe", async () => {
  const { out } = await herald(["validate", "-f", GUIDE]);
  assert(!out.includes("\x1b"));
});

Deno.test("herald validate: links, unreadable files, loops and pipes of the shell", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.mkdir(`${folder}/sub`);
    await Deno.writeTextFile(`${folder}/sub/a.yaml`, "apiVersion: v1\nkind: Service\nmetadata: {name: a}\n");
    await Deno.symlink(`${folder}/sub/a.yaml`, `${folder}/b.yaml`);
    await Deno.symlink(`${folder}/nowhere.yaml`, `${folder}/c.yaml`);
    const good = await herald(["validate", "-f", folder]);
    assertEquals([good.code, good.err], [0, ""]);
    assertMatch(good.out, /in 2 files/);
    await Deno.symlink(folder, `${folder}/loop`);
    const loop = await herald(["validate", "-f", folder]);
    assertEquals(loop.code, 2);
    assertMatch(loop.err, /folders are nested more than 16 deep/);
    const script = `"${Deno.execPath()}" ${HERALD.join(" ")} validate -f <(cat ${GUIDE}) -f <(echo)`;
    assertEquals((await run("bash", { args: ["-c", script] })).code, 1);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("herald migrate: what it prints goes straight into herald validate", async () => {
  const migrated = await herald(["migrate", "-f", "tests/golden/guides/001-layer2-tutorial.yaml"]);
  assertEquals([migrated.code, migrated.err], [0, ""]);
  assertEquals((await herald(["validate", "-f", "-"], migrated.out)).code, 0);
});

Deno.test("herald completion bash: bash completes commands, flags, choices and files with it", async () => {
  const { out } = await herald(["completion", "bash"]);
  const script = `${out}
try() { COMP_WORDS=("$@"); COMP_CWORD=$(( $# - 1 )); _herald; echo "\${COMPREPLY[*]}"; }
try herald va
try herald validate -o ""
try herald validate --output = j
try herald validate -f main_cl
try herald migrate --only
complete -p herald`;
  const completed = await run("bash", { args: ["-u", "-c", script] });
  assertEquals([completed.err, completed.out.split("\n")], ["", [
    "validate",
    "text json",
    "json",
    "main_cli.ts",
    "--only-data",
    "complete -F _herald herald",
    "",
  ]]);
});

Deno.test("herald: without any permission, help and usage errors still work", async () => {
  const bare = ["run", "-q", "--no-prompt", "main_cli.ts"];
  const help = await run(Deno.execPath(), { args: [...bare, "validate", "--help"] });
  assertEquals([help.code, help.err], [0, ""]);
  const wrong = await run(Deno.execPath(), { args: [...bare, "validat"] });
  assertEquals([wrong.code, wrong.err], [2, 'herald: "validat" is not a command; did you mean "validate"?\n']);
});
