/** The way to the socket of a node, on a real file system. */
import { assertEquals } from "@std/assert/equals";
import { assertThrows } from "@std/assert/throws";
import { clearNodeSocket, nodeSocketPath } from "../../../lib/app/node_socket.ts";

async function withFolder(use: (folder: string) => void): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "herald-socket-" });
  try {
    use(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const modeOf = (path: string) => Deno.lstatSync(path).mode! & 0o777;

Deno.test("NodeSocket: nobody but the owner comes to it, whoever made the folder", () =>
  withFolder((folder) => {
    const own = `${folder}/run`;
    Deno.mkdirSync(own);
    Deno.chmodSync(own, 0o777);
    clearNodeSocket(folder);
    assertEquals(modeOf(own), 0o700);
    Deno.removeSync(own);
    clearNodeSocket(folder);
    assertEquals([modeOf(own), [...Deno.readDirSync(own)]], [0o700, []]);
  }));

Deno.test("NodeSocket: what a killed speaker left is removed", () =>
  withFolder((folder) => {
    clearNodeSocket(folder);
    Deno.writeTextFileSync(nodeSocketPath(folder), "");
    clearNodeSocket(folder);
    assertEquals([...Deno.readDirSync(`${folder}/run`)], []);
  }));

Deno.test("NodeSocket: a folder that cannot be made is an error", () =>
  withFolder((folder) => {
    Deno.writeTextFileSync(`${folder}/run`, "");
    assertThrows(() => clearNodeSocket(folder), Error);
  }));
