/** Sparse files in pax archives, as GNU tar writes them (GNU tar manual, "Storing Sparse Files"). */

export interface SparseMap {
  /** Of the file, holes included. */
  size: number;
  /** Offset and length of each piece of data; undefined in format 1.0, where the map precedes the data. */
  pieces: readonly (readonly [offset: number, length: number])[] | undefined;
}

/** `unknown`: a format whose map cannot be read. */
export function sparseMapOf(pax: Readonly<Record<string, string>>): SparseMap | 'unknown' | undefined {
  if (!Object.keys(pax).some((key) => key.startsWith('GNU.sparse.'))) return undefined;
  if (pax['GNU.sparse.major'] === '1' && pax['GNU.sparse.minor'] === '0') {
    return { size: Number(pax['GNU.sparse.realsize']), pieces: undefined };
  }
  const map = pax['GNU.sparse.map'];
  if (map === undefined) return 'unknown';
  const pieces = pairs(map === '' ? [] : map.split(',').map(Number));
  return pieces === undefined ? 'unknown' : { size: Number(pax['GNU.sparse.size']), pieces };
}

function pairs(numbers: readonly number[]): [number, number][] | undefined {
  if (numbers.length % 2 !== 0 || !numbers.every((value) => Number.isSafeInteger(value) && value >= 0))
    return undefined;
  return Array.from({ length: numbers.length / 2 }, (_, i) => [numbers[2 * i] ?? 0, numbers[2 * i + 1] ?? 0]);
}

/** An error that the caller gives a name to. */
export class SparseError extends Error {}

const BLOCK = 512;
const ZEROS = Buffer.alloc(1 << 20);
/** More than any file system gives one file; bounds the memory. */
const MAX_PIECES = 1_000_000;

/** The file with its holes as zeros: exactly `size` bytes, or a `SparseError`. */
export async function* expandSparse(data: AsyncIterable<Buffer>, { size, pieces }: SparseMap): AsyncGenerator<Buffer> {
  const input = createInput(data);
  let at = 0;
  for (const [offset, length] of pieces ?? (await readMap(input))) {
    if (offset < at || offset + length > size) throw new SparseError('a map that is out of order or out of range');
    yield* zeros(offset - at);
    for (let left = length; left > 0; ) {
      const chunk = await input.read(left);
      if (chunk === undefined) throw new SparseError('less data than its map says');
      left -= chunk.length;
      yield chunk;
    }
    at = offset + length;
  }
  yield* zeros(size - at);
}

function* zeros(count: number): Generator<Buffer> {
  for (let left = count; left > 0; left -= ZEROS.length) yield left < ZEROS.length ? ZEROS.subarray(0, left) : ZEROS;
}

/** Decimal numbers, each on a line: how many pieces, then offset and length of each; padded to a block. */
async function readMap(input: Input): Promise<[number, number][]> {
  let used = 0;
  const number = async (): Promise<number> => {
    let text = '';
    for (;;) {
      const byte = (await input.read(1))?.toString('latin1');
      used += 1;
      if (byte === '\n') break;
      text += byte ?? '?';
      if (!/^\d{1,16}$/.test(text)) throw new SparseError('a map that is not made of numbers');
    }
    return Number(text);
  };
  const count = await number();
  if (count > MAX_PIECES) throw new SparseError('a map with too many pieces');
  const numbers: number[] = [];
  while (numbers.length < 2 * count) numbers.push(await number());
  for (let padding = (BLOCK - (used % BLOCK)) % BLOCK; padding > 0; ) {
    padding -= (await input.read(padding))?.length ?? padding;
  }
  const found = pairs(numbers);
  if (found === undefined) throw new SparseError('a map that is not made of numbers');
  return found;
}

interface Input {
  /** At least one byte and at most `limit`; undefined at the end. */
  read(limit: number): Promise<Buffer | undefined>;
}

function createInput(data: AsyncIterable<Buffer>): Input {
  const chunks = data[Symbol.asyncIterator]();
  let rest: Buffer = Buffer.alloc(0);
  return {
    async read(limit) {
      while (rest.length === 0) {
        const next = await chunks.next();
        if (next.done) return undefined;
        rest = next.value;
      }
      const taken = rest.subarray(0, limit);
      rest = rest.subarray(taken.length);
      return taken;
    },
  };
}
