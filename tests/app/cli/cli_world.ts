/**
 * A world for commands: files in memory, output as text. A path is a file, or a folder when others begin with it.
 */
import { runCommandLine } from "../../../lib/app/cli/cli.ts";
import type { CliWorld, Command } from "../../../lib/app/cli/command.ts";
import type { InputEntry, InputFiles } from "../../../lib/app/cli/input.ts";

export type Files = Readonly<Record<string, string | Uint8Array>>;

export interface Outcome {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

export interface WorldOptions {
  readonly files?: Files;
  readonly stdin?: string | Uint8Array;
  readonly commands?: readonly Command[];
  readonly env?: Readonly<Record<string, string>>;
  /** Width of a terminal with colours. */
  readonly terminal?: number;
}

export async function herald(args: readonly string[], options: WorldOptions = {}): Promise<Outcome> {
  const texts = { out: "", err: "" };
  const output = (name: "out" | "err") => ({
    write: (text: string) => void (texts[name] += text),
    color: options.terminal !== undefined,
    columns: options.terminal,
  });
  const world: CliWorld = {
    stdout: output("out"),
    stderr: output("err"),
    files: memoryFiles(options.files ?? {}, options.stdin ?? ""),
    env: (name) => options.env?.[name],
  };
  const code = await runCommandLine(args, { world, commands: options.commands });
  return { code, ...texts };
}

const bytesOf = (content: string | Uint8Array) =>
  typeof content === "string" ? new TextEncoder().encode(content) : content;

export function memoryFiles(files: Files, stdin: string | Uint8Array = ""): InputFiles {
  const limited = (bytes: Uint8Array, bytesMax: number) => Promise.resolve(bytes.length > bytesMax ? undefined : bytes);
  const isFolder = (path: string) => Object.keys(files).some((name) => name.startsWith(`${path.replace(/\/+$/, "")}/`));
  return {
    kindOf: (path) => {
      if (Object.hasOwn(files, path)) return Promise.resolve("file");
      return isFolder(path) ? Promise.resolve("folder") : Promise.reject(new Deno.errors.NotFound(path));
    },
    entries: (folder) => {
      const names = new Map<string, InputEntry["kind"]>();
      for (const path of Object.keys(files)) {
        if (!path.startsWith(`${folder.replace(/\/+$/, "")}/`)) continue;
        const [name, ...rest] = path.slice(folder.replace(/\/+$/, "").length + 1).split("/");
        names.set(name!, rest.length > 0 ? "folder" : "file");
      }
      // Not in the order of names: a disk promises none.
      return Promise.resolve([...names].map(([name, kind]) => ({ name, kind })).reverse());
    },
    read: (path, bytesMax) => limited(bytesOf(files[path]!), bytesMax),
    readStandardInput: (bytesMax) => limited(bytesOf(stdin), bytesMax),
  };
}
