/**
 * Says when files may have changed: by the kernel's notices, and by looking every few seconds where notices do not come
 * (a network file system, a path that is replaced as a whole).
 *
 * It never says what changed: whoever is told reads everything and compares. Editors replace a file by renaming another
 * one over it, so for a file its folder is watched; notices that come close together are one.
 */

export interface FolderWatchOptions {
  /** Files and folders. */
  readonly paths: readonly string[];
  /** How long it must be quiet before it is told; half-written files are not looked at. */
  readonly quietMs?: number;
  /** It is told all the same after this time of unrest. */
  readonly unrestMaxMs?: number;
  readonly pollMs?: number;
}

const QUIET_MS = 100;
const UNREST_MAX_MS = 1000;
const POLL_MS = 2000;

export class FolderWatch {
  readonly #options: Required<FolderWatchOptions>;
  readonly #onChange: () => void;
  readonly #watchers: Deno.FsWatcher[] = [];
  readonly #poll: ReturnType<typeof setInterval>;
  #quiet: ReturnType<typeof setTimeout> | undefined;
  #unrestSince: number | undefined;

  constructor(options: FolderWatchOptions, deps: { readonly onChange: () => void }) {
    this.#options = { quietMs: QUIET_MS, unrestMaxMs: UNREST_MAX_MS, pollMs: POLL_MS, ...options };
    this.#onChange = deps.onChange;
    for (const path of new Set(options.paths.map(watchedPath))) this.#watch(path);
    this.#poll = setInterval(() => this.#onChange(), this.#options.pollMs);
  }

  close(): void {
    clearInterval(this.#poll);
    clearTimeout(this.#quiet);
    for (const watcher of this.#watchers) watcher.close();
  }

  #watch(path: string): void {
    try {
      const watcher = Deno.watchFs(path, { recursive: true });
      this.#watchers.push(watcher);
      this.#follow(watcher).catch(() => {});
    } catch {
      // Without notices there is still the look every few seconds.
    }
  }

  async #follow(watcher: Deno.FsWatcher): Promise<void> {
    for await (const { kind } of watcher) if (kind !== "access") this.#noticed();
  }

  #noticed(): void {
    const now = performance.now();
    this.#unrestSince ??= now;
    clearTimeout(this.#quiet);
    const rest = this.#options.unrestMaxMs - (now - this.#unrestSince);
    this.#quiet = setTimeout(() => {
      this.#unrestSince = undefined;
      this.#onChange();
    }, Math.max(0, Math.min(this.#options.quietMs, rest)));
  }
}

/** The folder of a file, because a watch of the file itself follows the one that is replaced. */
function watchedPath(path: string): string {
  try {
    if (Deno.statSync(path).isDirectory) return path;
  } catch {
    // It may come later.
  }
  const slash = path.lastIndexOf("/");
  return slash < 0 ? "." : path.slice(0, slash) || "/";
}
