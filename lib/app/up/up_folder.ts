/**
 * The files of `herald up` and the embedded API kept together: read, judged, applied, and again when they change.
 *
 * Nothing is applied while a file cannot be read or is no YAML: half a folder would delete what stands in the other
 * half. The last good state stays, and what is wrong is told once, until it changes.
 */
import type { KubeClient } from "../../edge/kube/client.ts";
import { type InputFiles, readInput } from "../cli/input.ts";
import { printable } from "../cli/output.ts";
import { folderObjects, type UpNames } from "./folder_objects.ts";
import { FolderSync } from "./folder_sync.ts";

export interface UpFolderOptions extends UpNames {
  readonly filenames: readonly string[];
}

export interface UpFolderDeps {
  readonly client: KubeClient;
  readonly files: InputFiles;
  /** A line for people. */
  readonly tell: (line: string) => void;
}

export class UpFolder {
  readonly #options: UpFolderOptions;
  readonly #deps: UpFolderDeps;
  readonly #sync: FolderSync;
  #told: readonly string[] = [];
  #work: Promise<boolean> = Promise.resolve(true);
  #waiting = false;

  constructor(options: UpFolderOptions, deps: UpFolderDeps) {
    this.#options = options;
    this.#deps = deps;
    this.#sync = new FolderSync({ client: deps.client, tell: (change) => deps.tell(printable(change)) });
  }

  /** Reads everything and applies what changed; calls that come meanwhile are one. True when all of it is good. */
  reload(): Promise<boolean> {
    if (this.#waiting) return this.#work;
    this.#waiting = true;
    this.#work = this.#work.then(() => {
      this.#waiting = false;
      return this.#reload();
    });
    return this.#work;
  }

  async #reload(): Promise<boolean> {
    const { filenames } = this.#options;
    const { objects, problems, unreadable } = await readInput(filenames, this.#deps.files);
    const wrong = [
      ...unreadable,
      ...problems.map(({ source, line, path, message }) =>
        `${source}:${line}: ${path === "" ? "" : `${path}: `}${message}`
      ),
    ];
    if (wrong.length > 0) {
      this.#tellOnce([...wrong, "nothing is changed before the files can be read"]);
      return false;
    }
    const wanted = folderObjects(objects.map(({ object }) => object), this.#options);
    const refusals = await this.#sync.sync(wanted.objects);
    this.#tellOnce([...wanted.leftOut, ...refusals]);
    return refusals.length === 0;
  }

  /** What stood in the last report already is not said again. */
  #tellOnce(lines: readonly string[]): void {
    for (const line of lines) if (!this.#told.includes(line)) this.#deps.tell(printable(line));
    this.#told = lines;
  }
}
