/** The repository's own manifests, as objects. */
import type { KubeObject } from "../../lib/base/kube.ts";
import { parseManifest } from "../../lib/app/yaml.ts";

const ROOT = new URL("../../", import.meta.url);

/** `folder` below manifests/. Throws at the first file that makes no sense. */
export function readManifests(folder: string): KubeObject[] {
  const directory = new URL(`manifests/${folder}/`, ROOT);
  const names = [...Deno.readDirSync(directory)].map(({ name }) => name).filter((name) => name.endsWith(".yaml"));
  return names.sort().flatMap((name) => {
    const { objects, problems } = parseManifest(Deno.readTextFileSync(new URL(name, directory)), name);
    if (problems[0] !== undefined) throw new Error(`${name}: ${problems[0].message}`);
    return objects;
  });
}

/** Path of a file of the repository, for a command line. */
export function repositoryPath(file: string): string {
  return new URL(file, ROOT).pathname;
}
