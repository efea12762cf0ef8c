/** `Secret` of `v1`: what the password of a peer is read from (reference §2.8). Values are base64 texts. */
import { z } from "zod";
import { metadataSchema, optional, textMap } from "./common.ts";

export const secretSchema = z.object({
  metadata: metadataSchema,
  type: optional(z.string()),
  data: textMap,
  /** In files only: the API server moves it to `data`, where it wins. */
  stringData: textMap,
});

export type SecretObject = z.output<typeof secretSchema>;
