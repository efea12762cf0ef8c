/**
 * Whole numbers beyond 2^53 in a JSON body: `JSON.stringify` writes them digit by digit only when they are wrapped, and
 * a Kubernetes int64 that was rounded up to 2^63 would be refused.
 */

interface RawJson {
  rawJSON(text: string): unknown;
}

/** What `JSON.stringify` writes as exactly these digits. */
export function int64(digits: string): unknown {
  if (!/^-?(0|[1-9][0-9]{0,18})$/.test(digits)) throw new TypeError(`${digits} is not a whole number of 64 bits`);
  return (JSON as unknown as RawJson).rawJSON(digits);
}
