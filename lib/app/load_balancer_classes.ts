/** `--lb-class` as text: a comma-separated list of the classes that are served. */

/** `undefined` for an empty text: only Services without a class. */
export function classesOf(text: string): readonly string[] | undefined {
  const classes = text.split(",").map((one) => one.trim()).filter((one) => one !== "");
  return classes.length === 0 ? undefined : classes;
}
