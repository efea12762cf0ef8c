/**
 * The socket by which root on a node reads `/status` and `/metrics` of its speaker without a token, also after a restart
 * while no API server answers, when nobody can say what a token is worth.
 *
 * The kernel is the guard: the socket lies in a folder that only its owner may enter. No secret is kept for it.
 */

/** In the folder of `--snapshot-dir`. */
const SOCKET_FOLDER = "run";
const SOCKET_NAME = "speaker.sock";

export function nodeSocketPath(folder: string): string {
  return `${folder}/${SOCKET_FOLDER}/${SOCKET_NAME}`;
}

/** Makes the way to the socket, for nobody else, and removes what a killed speaker left. Throws what the system says. */
export function clearNodeSocket(folder: string): void {
  const own = `${folder}/${SOCKET_FOLDER}`;
  Deno.mkdirSync(own, { recursive: true, mode: 0o700 });
  // It may have been there before, with another mode.
  Deno.chmodSync(own, 0o700);
  try {
    Deno.removeSync(nodeSocketPath(folder));
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
