/**
 * Frames of a classic libpcap capture, in the form in which our golden captures are: little-endian, microseconds,
 * Ethernet. Anything else throws, because then the golden file is not what the test believes.
 */

const FILE_HEADER_BYTES = 24;
const RECORD_HEADER_BYTES = 16;
const LINK_TYPE_ETHERNET = 1;

/** The captured frames in order; each is its own copy. */
export function pcapFrames(file: Uint8Array): Uint8Array<ArrayBuffer>[] {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  if (view.getUint32(0, true) !== 0xa1b2c3d4) throw new Error("Not a little-endian libpcap file");
  if (view.getUint32(20, true) !== LINK_TYPE_ETHERNET) throw new Error("Not a capture of Ethernet frames");
  const frames: Uint8Array<ArrayBuffer>[] = [];
  let offset = FILE_HEADER_BYTES;
  while (offset < file.length) {
    const captured = view.getUint32(offset + 8, true);
    const onWire = view.getUint32(offset + 12, true);
    if (captured !== onWire) throw new Error(`Frame ${frames.length + 1} was cut by the capture`);
    offset += RECORD_HEADER_BYTES;
    if (offset + captured > file.length) throw new Error(`Frame ${frames.length + 1} ends behind the end of the file`);
    frames.push(new Uint8Array(file.subarray(offset, offset + captured)));
    offset += captured;
  }
  return frames;
}
