/** Runs a command line of `herald` in this process, with files that live in the test. */
import type { Command } from "../../../lib/app/cli/command.ts";
import { runCommandLine } from "../../../lib/app/cli/cli.ts";
import type { InputEntry, InputFiles } from "../../../lib/app/cli/input.ts";

export interface Answer {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

export interface CommandLineOptions {
  /** Text by path; folders are those that paths go through. */
  readonly files?: Readonly<Record<string, string>>;
  readonly stdin?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** A terminal of this width, with colours. */
  readonly columns?: number;
  readonly commands?: readonly Command[];
}

export async function herald(args: readonly string[], options: CommandLineOptions = {}): Promise<Answer> {
  let [out, err] = ["", ""];
  const look = { color: options.columns !== undefined, columns: options.columns };
  const { commands } = options;
  const code = await runCommandLine(args, {
    world: {
      stdout: { ...look, write: (text) => void (out += text) },
      stderr: { ...look, write: (text) => void (err += text) },
      files: memoryFiles(options),
      env: (name) => options.env?.[name],
    },
    ...(commands === undefined ? {} : { commands }),
  });
  return { code, out, err };
}

export function memoryFiles({ files = {}, stdin = "" }: CommandLineOptions): InputFiles {
  const bytes = (text: string) => new TextEncoder().encode(text);
  // Looked at each time: a test may change its files.
  const paths = () => Object.keys(files);
  return {
    kindOf: (path) => {
      if (Object.hasOwn(files, path)) return Promise.resolve("file");
      const prefix = `${path.replace(/\/+$/, "")}/`;
      if (paths().some((each) => each.startsWith(prefix))) return Promise.resolve("folder");
      return Promise.reject(new Deno.errors.NotFound(path));
    },
    entries: (folder) => {
      const prefix = `${folder.replace(/\/+$/, "")}/`;
      const entries = new Map<string, InputEntry>();
      for (const path of paths().filter((each) => each.startsWith(prefix))) {
        const [name, ...rest] = path.slice(prefix.length).split("/");
        entries.set(name!, { name: name!, kind: rest.length > 0 ? "folder" : "file" });
      }
      return Promise.resolve([...entries.values()]);
    },
    read: (path) =>
      Object.hasOwn(files, path)
        ? Promise.resolve(bytes(files[path]!))
        : Promise.reject(new Deno.errors.NotFound(path)),
    readStandardInput: () => Promise.resolve(bytes(stdin)),
  };
}
