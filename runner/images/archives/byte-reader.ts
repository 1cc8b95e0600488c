/** Reads a stream of bytes piece by piece. */
import { VmtestError } from '../../errors.js';
import { printable } from '../printable.js';

/** `reason` may hold names out of the archive: it is made fit for a terminal. */
export const badArchive = (reason: string, cause?: unknown): VmtestError =>
  new VmtestError('VMTEST_ARCHIVE', printable(reason, 1000), cause === undefined ? {} : { cause });

/** Disposing it ends the source, whose rest may never be asked for. */
export interface ByteReader extends AsyncDisposable {
  /** Exactly `length` bytes, for headers. Throws `VMTEST_ARCHIVE` when there are fewer. */
  read(length: number): Promise<Buffer>;
  /** The next `length` bytes as they come. Throws `VMTEST_ARCHIVE` when there are fewer. */
  stream(length: number): AsyncGenerator<Buffer, void>;
  /** Passes over `length` bytes. */
  skip(length: number): Promise<void>;
  /** Passes over all that is left: only at its very end a compressed stream says whether it is whole. */
  drain(): Promise<void>;
}

/** The most that is taken from one archive, many times any kernel package: a small file may unpack to anything. */
const MAX_BYTES = 4 * 2 ** 30;
/** The longest header or name. */
const MAX_READ = 1 << 20;

export function byteReader(source: AsyncIterable<Buffer>, maxBytes: number = MAX_BYTES): ByteReader {
  const chunks = source[Symbol.asyncIterator]();
  let current: Buffer = Buffer.alloc(0);
  let taken = 0;

  /** Whether there is at least one byte more. */
  const more = async (): Promise<boolean> => {
    while (current.length === 0) {
      const { value, done } = await chunks.next();
      if (done === true) return false;
      current = value;
    }
    return true;
  };
  /** At least one byte, at most `length`. */
  const next = async (length: number): Promise<Buffer> => {
    if (!(await more())) throw badArchive('it ends too early');
    const piece = current.subarray(0, length);
    current = current.subarray(piece.length);
    taken += piece.length;
    if (taken > maxBytes) throw badArchive(`it unpacks to more than ${maxBytes / 2 ** 30} GiB`);
    return piece;
  };

  async function* stream(length: number): AsyncGenerator<Buffer, void> {
    for (let left = length; left > 0; ) {
      const piece = await next(left);
      left -= piece.length;
      yield piece;
    }
  }

  return {
    stream,
    async read(length) {
      if (length > MAX_READ) throw badArchive(`it is damaged: a header of ${length} bytes`);
      const pieces: Buffer[] = [];
      for await (const piece of stream(length)) pieces.push(piece);
      return Buffer.concat(pieces);
    },
    async skip(length) {
      for await (const _ of stream(length));
    },
    async drain() {
      while (await more()) await next(current.length);
    },
    async [Symbol.asyncDispose]() {
      await chunks.return?.();
    },
  };
}
