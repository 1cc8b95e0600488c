/** The configuration that a kernel built with CONFIG_IKCONFIG carries (kernel/configs.c). */
import { createReadStream } from 'node:fs';
import { decompress } from '../decompress.js';

/** The marker and the first bytes of gzip: the marker's text alone may be found in other places. */
const START = Buffer.from('IKCFG_ST\x1f\x8b\x08', 'latin1');
const MARKER_BYTES = 8;
const END = Buffer.from('IKCFG_ED', 'latin1');
/** The longest gzip that is looked at; the largest configurations have 80 KiB. */
const MAX_BYTES = 4 << 20;

/** Its text; undefined when a vmlinux or Image has none, or none that can be read. */
export async function readIkconfig(path: string): Promise<string | undefined> {
  let pieces: Buffer[] | undefined;
  let carried = Buffer.alloc(0);
  let length = 0;
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) {
    const bytes = Buffer.concat([carried, chunk as Buffer]);
    let from = 0;
    if (pieces === undefined) {
      const start = bytes.indexOf(START);
      if (start < 0) {
        carried = bytes.subarray(-(START.length - 1));
        continue;
      }
      from = start + MARKER_BYTES;
      pieces = [];
    }
    const end = bytes.indexOf(END, from);
    if (end >= 0) return unpack(Buffer.concat([...pieces, bytes.subarray(from, end)]));
    // The end marker may begin in this chunk and end in the next.
    const kept = Math.max(from, bytes.length - (END.length - 1));
    pieces.push(bytes.subarray(from, kept));
    carried = bytes.subarray(kept);
    length += kept - from;
    if (length > MAX_BYTES) return undefined;
  }
  return undefined;
}

const unpack = (data: Buffer): Promise<string | undefined> =>
  decompress(data, 'gzip').then(
    (text) => Buffer.from(text).toString('utf8'),
    () => undefined,
  );
