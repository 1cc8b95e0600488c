/** Reads tar archives as Debian packages have them: old, ustar and GNU headers (deb(5)). */
import { type ByteReader, badArchive } from './byte-reader.js';
import { type ArchiveEntry, noData } from './entry.js';

const BLOCK = 512;
const roundUp = (size: number): number => Math.ceil(size / BLOCK) * BLOCK;

const TYPES: Readonly<Record<string, ArchiveEntry['type']>> = {
  '\0': 'file',
  '0': 'file',
  '1': 'hardlink',
  '2': 'symlink',
  '5': 'directory',
  '7': 'file',
};

export async function* readTar(reader: ByteReader): AsyncGenerator<ArchiveEntry, void> {
  let longName: string | undefined;
  let longTarget: string | undefined;
  for (;;) {
    const header = await reader.read(BLOCK);
    // Two blocks of zeros are the end; one says enough.
    if (header.every((byte) => byte === 0)) return reader.drain();
    checkSum(header);
    const type = header.toString('latin1', 156, 157);
    const size = octal(header, 124, 12);
    // The GNU way to a name of more than 100 bytes: the data of a member before.
    if (type === 'L' || type === 'K') {
      const text = textOf(await reader.read(roundUp(size)), 0, size);
      if (type === 'L') longName = text;
      else longTarget = text;
      continue;
    }
    if (type === 'x' || type === 'g') throw badArchive('it has PAX headers, which packages of Debian never have');
    const entryType = TYPES[type] ?? 'other';
    const stored = entryType === 'file' || entryType === 'other' ? size : 0;
    const data = stored === 0 ? noData() : reader.stream(stored);
    let passed = 0;
    yield {
      path: longName ?? nameOf(header),
      type: entryType,
      executable: (octal(header, 100, 8) & 0o111) !== 0,
      target: longTarget ?? textOf(header, 157, 100),
      data: counted(data, (length) => {
        passed += length;
      }),
    };
    await reader.skip(roundUp(stored) - passed);
    longName = undefined;
    longTarget = undefined;
  }
}

async function* counted(data: AsyncIterable<Buffer>, count: (length: number) => void): AsyncGenerator<Buffer, void> {
  for await (const piece of data) {
    count(piece.length);
    yield piece;
  }
}

/** The sum of all bytes of the header, its own field taken as spaces. */
function checkSum(header: Buffer): void {
  const sum = header.reduce((total, byte, at) => total + (at >= 148 && at < 156 ? 0x20 : byte), 0);
  if (sum !== octal(header, 148, 8)) throw badArchive('it is damaged: a wrong checksum');
}

function octal(header: Buffer, at: number, length: number): number {
  const text = textOf(header, at, length).trim();
  if (!/^[0-7]*$/.test(text)) throw badArchive(`it is damaged: "${text}" is no number`);
  return Number.parseInt(text || '0', 8);
}

function textOf(bytes: Buffer, at: number, length: number): string {
  const field = bytes.subarray(at, at + length);
  const end = field.indexOf(0);
  return field.toString('utf8', 0, end < 0 ? field.length : end);
}

function nameOf(header: Buffer): string {
  const name = textOf(header, 0, 100);
  const prefix = header.toString('latin1', 257, 263) === 'ustar\0' ? textOf(header, 345, 155) : '';
  return prefix === '' ? name : `${prefix}/${name}`;
}
