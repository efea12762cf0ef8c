// permissions: --allow-read --allow-write --allow-run --allow-env
/** The runner against real children that fail in every way a test file can fail. */
import { assertEquals } from "@std/assert/equals";
import { ChildRunner } from "../runner/child.ts";
import { parseJunit } from "../runner/junit.ts";
import { judge } from "../runner/report.ts";

const FILES: readonly {
  readonly title: string;
  readonly source: string;
  readonly failed: number;
  readonly problem: RegExp;
}[] = [
  { title: "cannot be loaded", source: "throw new Error('no');", failed: 1, problem: /ran no tests/ },
  { title: "is no program", source: "const = ;", failed: 1, problem: /ran no tests/ },
  { title: "has no tests", source: "export {};", failed: 1, problem: /ran no tests/ },
  {
    title: "ends its process",
    source: "Deno.test('a', () => {});\nDeno.exit(0);",
    failed: 1,
    problem: /ran no tests|no test failed/,
  },
  {
    title: "is killed",
    source: "Deno.test('a', () => Deno.kill(Deno.pid, 'SIGKILL'));",
    failed: 1,
    problem: /ran no tests/,
  },
  { title: "hangs", source: "Deno.test('a', () => { for (;;); });", failed: 1, problem: /time limit/ },
  {
    title: "fails",
    source: "Deno.test('a', () => { throw new Error('x'); });\nDeno.test('b', () => {});",
    failed: 1,
    problem: /^$/,
  },
  { title: "passes", source: "Deno.test('a', () => {});", failed: 0, problem: /^$/ },
];

for (const { title, source, failed, problem } of FILES) {
  Deno.test(`Runner: a file that ${title} counts ${failed} failed`, async () => {
    const folder = await Deno.makeTempDir({ prefix: "herald-runner-test-" });
    try {
      const path = `${folder}/a_test.ts`;
      await Deno.writeTextFile(path, source);
      const args = [
        "test",
        "--no-check",
        "--no-config",
        "--no-lock",
        "--allow-run",
        `--junit-path=${folder}/out.xml`,
        path,
      ];
      const child = await new ChildRunner().run(Deno.execPath(), {
        args,
        env: { NO_COLOR: "1" },
        limitMs: title === "hangs" ? 2_000 : 60_000,
      });
      const xml = await Deno.readTextFile(`${folder}/out.xml`).catch(() => "");
      // Deno names files relative to where it runs; here only their number matters.
      const reported = parseJunit(xml).map((result) => ({ ...result, path }));
      const { results, problems } = judge([path], { reported, child, ignoredAreFailures: false });
      assertEquals(results.reduce((sum, result) => sum + result.failed, 0), failed, child.output);
      assertEquals(problem.test(problems.join("\n")), true, `${problems.join("\n")}\n${child.output}`);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  });
}

Deno.test("Runner: what a child started ends with it, also when it holds the output open", async () => {
  const args = ["-c", "sleep 3600 & echo $!"];
  const child = await new ChildRunner().run("sh", { args, env: {}, limitMs: 60_000 });
  assertEquals(child.code, 0);
  assertEquals(await isGone(Number(child.output.trim())), true);
});

Deno.test("Runner: a child over its limit is ended with everything it started", async () => {
  const args = ["-c", "sleep 3600 & echo $!; wait"];
  const child = await new ChildRunner().run("sh", { args, env: {}, limitMs: 300 });
  assertEquals(child.timedOut, true);
  assertEquals(await isGone(Number(child.output.trim())), true);
});

/** A child that counts the pauses, computes for two seconds when it is told `busy`, and says what it counted at its end. */
async function pausesOf(what: "stopped" | "busy"): Promise<{ count: number; longestMs: number }> {
  const folder = await Deno.makeTempDir({ prefix: "herald-pause-test-" });
  try {
    const source = `
import { PauseWatch } from "${new URL("../runner/pause_watch.ts", import.meta.url)}";
const watch = new PauseWatch();
await new Promise((done) => setTimeout(done, 500));
console.log("ready");
if (Deno.args[0] === "busy") for (const end = performance.now() + 2000; performance.now() < end;);
else while (watch.longestMs < 500) await new Promise((done) => setTimeout(done, 10));
console.log(JSON.stringify({ count: watch.count, longestMs: watch.longestMs }));
Deno.exit();
`;
    await Deno.writeTextFile(`${folder}/a.ts`, source);
    const child = new Deno.Command(Deno.execPath(), {
      args: ["run", "--no-check", "--no-config", "--no-lock", "--allow-read", `${folder}/a.ts`, what],
      stdin: "null",
      stdout: "piped",
    }).spawn();
    let said = "";
    for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
      said += text;
      if (what !== "stopped" || said !== "ready\n") continue;
      child.kill("SIGSTOP");
      await new Promise((done) => setTimeout(done, 600));
      child.kill("SIGCONT");
    }
    await child.status;
    return JSON.parse(said.slice(said.indexOf("{")));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("PauseWatch: a process that was stopped, as all are when the machine stands still, has a pause of that length", async () => {
  const { count, longestMs } = await pausesOf("stopped");
  assertEquals([count > 0, longestMs >= 500], [true, true], `${count} pauses, ${longestMs} ms at most`);
});

Deno.test("PauseWatch: a thread that computes without end is no pause", async () => {
  const { longestMs } = await pausesOf("busy");
  assertEquals(longestMs < 1000, true, `a pause of ${longestMs} ms`);
});

for (
  const { args, code, last } of [
    { args: ["nonsense"], code: 2, last: /demo/ },
    { args: ["tests/none_test.ts"], code: 2, last: /demo/ },
    {
      args: ["--list", "tests/repository/room_rules_test.ts"],
      code: 0,
      last: /^repository +tests\/repository\/room_rules_test\.ts$/,
    },
    { args: ["tests/repository/room_rules_test.ts"], code: 0, last: /^\d+ passed, 0 failed$/ },
  ]
) {
  Deno.test(`Runner: as a program with ${args.join(" ")}`, async () => {
    const program = new URL("../runner.ts", import.meta.url).pathname;
    const root = new URL("../../", import.meta.url).pathname;
    const { code: ended, stdout } = await new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        "--allow-read",
        "--allow-write",
        "--allow-run",
        "--allow-env",
        program,
        ...args,
      ],
      cwd: root,
      stdin: "null",
      stdout: "piped",
      stderr: "inherit",
    }).output();
    const said = new TextDecoder().decode(stdout);
    assertEquals(ended, code, said);
    assertEquals(last.test(said.trimEnd().split("\n").at(-1)!), true, said);
    assertEquals(said.includes("\x1b"), false);
  });
}

/** A killed process stays in the table for a moment; as a zombie it no longer runs. */
async function isGone(pid: number): Promise<boolean> {
  for (let i = 0; i < 100; i++) {
    const stat = await Deno.readTextFile(`/proc/${pid}/stat`).catch(() => ") Z");
    if (/\) [ZX]/.test(stat)) return true;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return false;
}
