// Where a byte stream from the outer guest ends. Closing a virtio-serial port is not seen on QEMU's side of
// it, so the guest writes a random marker last. What cannot be part of the marker is passed on at once.

/**
 * @param {Buffer} marker
 * @returns {(chunk: Buffer) => { data: Buffer, ended: boolean }}
 */
export function createEndMarker(marker) {
  let held = Buffer.alloc(0);
  return (chunk) => {
    const bytes = held.length === 0 ? chunk : Buffer.concat([held, chunk]);
    const at = bytes.indexOf(marker);
    if (at >= 0) {
      held = Buffer.alloc(0);
      return { data: bytes.subarray(0, at), ended: true };
    }
    const keep = longestPrefixAtEnd(bytes, marker);
    held = Buffer.from(bytes.subarray(bytes.length - keep));
    return { data: bytes.subarray(0, bytes.length - keep), ended: false };
  };
}

/** Length of the longest beginning of `marker` that `bytes` ends with. @type {(bytes: Buffer, marker: Buffer) => number} */
function longestPrefixAtEnd(bytes, marker) {
  for (let length = Math.min(bytes.length, marker.length - 1); length > 0; length--) {
    if (bytes.subarray(bytes.length - length).equals(marker.subarray(0, length))) return length;
  }
  return 0;
}
