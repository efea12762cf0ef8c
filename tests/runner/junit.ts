/**
 * Reads the JUnit file that `deno test --junit-path` writes: one suite per file, one case per test and per step.
 *
 * Only what Deno writes is understood. A step is not counted on its own: a test that fails in one of its steps is one
 * failed test.
 */

export interface FileResult {
  /** From the repository's root. */
  readonly path: string;
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  readonly durationMs: number;
}

const SUITE = /<testsuite\s+name="([^"]*)"[^>]*>([\s\S]*?)<\/testsuite>/g;
const CASE = /<testcase\s+name="([^"]*)"[^>]*?\stime="([\d.]+)"[^>]*?(?:\/>|>([\s\S]*?)<\/testcase>)/g;

export function parseJunit(xml: string): FileResult[] {
  return [...xml.matchAll(SUITE)].map(([, name, body]) => readSuite(unescapeXml(name!), body!));
}

function readSuite(name: string, body: string): FileResult {
  const counts = { passed: 0, failed: 0, skipped: 0 };
  let seconds = 0;
  const names: string[] = [];
  for (const [, rawName, time, content = ""] of body.matchAll(CASE)) {
    const caseName = unescapeXml(rawName!);
    if (names.some((earlier) => caseName.startsWith(`${earlier} > `))) continue;
    names.push(caseName);
    seconds += Number(time);
    if (/<(failure|error)\b/.test(content)) counts.failed++;
    else if (/<skipped\b/.test(content)) counts.skipped++;
    else counts.passed++;
  }
  return { path: name.replace(/^\.\//, ""), ...counts, durationMs: Math.round(seconds * 1000) };
}

const ENTITIES: Readonly<Record<string, string>> = { lt: "<", gt: ">", quot: '"', apos: "'", amp: "&" };

function unescapeXml(text: string): string {
  return text.replace(/&(lt|gt|quot|apos|amp);/g, (_, name: string) => ENTITIES[name]!);
}
