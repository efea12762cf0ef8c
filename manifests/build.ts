/**
 * Joins the parts of this folder to `herald.yaml`, the one file that a user applies; with `--check` compares what is
 * there with what the parts make.
 *
 * The parts are what people edit. They are joined as text, so that their comments reach the reader of the whole.
 *
 *     deno run --allow-read=manifests --allow-write=manifests manifests/build.ts [--check]
 */
const FOLDER = new URL("./", import.meta.url);
const TARGET = new URL("herald.yaml", FOLDER);
const HEADER = `# All that a cluster needs to run Herald: kubectl apply -f manifests/herald.yaml
# Made of the files in this folder by "deno task manifests"; edit those.
`;

/** In the order in which they must exist: kinds before their objects, the namespace before what is in it. */
function partNames(): string[] {
  const yamlIn = (folder: string) =>
    [...Deno.readDirSync(new URL(folder, FOLDER))].map(({ name }) => `${folder}${name}`)
      .filter((name) => name.endsWith(".yaml")).sort();
  return [...yamlIn("crds/"), ...yamlIn("install/")];
}

function joined(): string {
  const parts = partNames().map((name) => Deno.readTextFileSync(new URL(name, FOLDER)).trimEnd());
  return `${HEADER}${parts.join("\n---\n")}\n`;
}

function present(): string | undefined {
  try {
    return Deno.readTextFileSync(TARGET);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

const whole = joined();
if (!Deno.args.includes("--check")) {
  Deno.writeTextFileSync(TARGET, whole);
} else if (present() !== whole) {
  Deno.stderr.writeSync(
    new TextEncoder().encode('manifests/herald.yaml is not what its parts make: run "deno task manifests"\n'),
  );
  Deno.exitCode = 1;
}
