/**
 * The manifests of a guide, each on the line where the guide has it, so that a finding's line is the guide's line:
 * what is no manifest becomes a comment, and where prose stood between two blocks there is a `---`.
 *
 * Works on Markdown with fences and on plain text. `tests/golden/guides/` was made with it:
 *
 *     deno run --allow-read tests/support/guide_manifests.ts GUIDE.md > tests/golden/guides/NAME.yaml
 */

/** Members that a manifest has at its outermost level. */
const ROOT_KEY = /^(apiVersion|kind|metadata|spec|data|stringData|type|status|items):( |$)/;

function manifestsOf(guide: string): string {
  const lines = guide.replaceAll("\r", "").split("\n");
  const fenced = lines.some((line) => line.startsWith("```"));
  const kept = lines.map(() => "#");
  let inFence = false;
  let inManifest = false;
  for (const [index, line] of lines.entries()) {
    if (line.startsWith("```")) {
      inFence = !inFence;
      inManifest = false;
      continue;
    }
    if (fenced && !inFence) continue;
    if (!inManifest && /^apiVersion: /.test(line)) {
      inManifest = true;
      // What stands above it is prose, a fence, or a comment of its own.
      if (index > 0) kept[index - 1] = "---";
    } else if (inManifest && line !== "" && !/^(\s|#|---|- )/.test(line) && !ROOT_KEY.test(line)) {
      inManifest = false;
    }
    if (inManifest) kept[index] = line;
  }
  return `${kept.join("\n").trimEnd()}\n`;
}

if (import.meta.main) {
  const [path] = Deno.args;
  if (path === undefined) Deno.exit(2);
  Deno.stdout.writeSync(new TextEncoder().encode(manifestsOf(Deno.readTextFileSync(path))));
}
