/** The repository as its tests see it: paths relative to the root, whatever folder the tests were started in. */

const ROOT = new URL("../../", import.meta.url);

/** Made by tools, ignored by git. */
const IGNORED = new Set([".git", "node_modules", "dist", "coverage"]);

export function readText(path: string): string {
  return Deno.readTextFileSync(new URL(path, ROOT));
}

export function exists(path: string): boolean {
  try {
    Deno.lstatSync(new URL(path, ROOT));
    return true;
  } catch {
    return false;
  }
}

/** Names in a folder, sorted; `""` is the root. Nothing when the folder does not exist. */
export function namesIn(folder: string): Deno.DirEntry[] {
  if (!exists(folder === "" ? "." : folder)) return [];
  const entries = [...Deno.readDirSync(new URL(folder === "" ? "." : `${folder}/`, ROOT))];
  return entries.filter((entry) => !IGNORED.has(entry.name)).sort((a, b) => a.name < b.name ? -1 : 1);
}

/** Paths of all files below a folder. */
export function filesBelow(folder: string, { depth = 20 }: { depth?: number } = {}): string[] {
  return namesIn(folder).flatMap((entry) => {
    const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
    if (entry.isDirectory) return depth > 1 ? filesBelow(path, { depth: depth - 1 }) : [];
    return entry.isFile ? [path] : [];
  });
}
