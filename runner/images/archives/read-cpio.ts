/** Reads cpio archives in the "newc" format, which RPM packages are made of; ../cpio.ts writes them. */
import { padding } from '../cpio.js';
import { type ByteReader, badArchive } from './byte-reader.js';
import { type ArchiveEntry, noData } from './entry.js';

const HEADER_BYTES = 110;
const S_IFMT = 0o170000;
const TYPES: ReadonlyMap<number, ArchiveEntry['type']> = new Map([
  [0o040000, 'directory'],
  [0o100000, 'file'],
  [0o120000, 'symlink'],
]);

interface Header {
  inode: string;
  mode: number;
  links: number;
  size: number;
  nameSize: number;
}

export async function* readCpio(reader: ByteReader): AsyncGenerator<ArchiveEntry, void> {
  /** Names of files with several: the data comes with the last one. */
  const waiting = new Map<string, string[]>();
  for (;;) {
    const header = parseHeader(await reader.read(HEADER_BYTES));
    const path = (await reader.read(header.nameSize)).toString('utf8').replace(/\0$/, '');
    await reader.skip(padding(HEADER_BYTES + header.nameSize).length);
    if (path === 'TRAILER!!!') break;
    const type = TYPES.get(header.mode & S_IFMT) ?? 'other';
    const executable = (header.mode & 0o111) !== 0;
    const padded = header.size + padding(header.size).length;
    if (type === 'symlink') {
      const target = (await reader.read(padded)).toString('utf8', 0, header.size);
      yield { path, type, executable, target, data: noData() };
    } else if (type === 'file' && header.links > 1 && header.size === 0) {
      waiting.set(header.inode, [...(waiting.get(header.inode) ?? []), path]);
    } else {
      let passed = 0;
      const data = async function* (): AsyncGenerator<Buffer, void> {
        for await (const piece of reader.stream(header.size)) {
          passed += piece.length;
          yield piece;
        }
      };
      yield { path, type, executable, target: '', data: data() };
      await reader.skip(padded - passed);
      for (const name of waiting.get(header.inode) ?? []) {
        yield { path: name, type: 'hardlink', executable, target: path, data: noData() };
      }
      waiting.delete(header.inode);
    }
  }
  for (const path of [...waiting.values()].flat()) {
    yield { path, type: 'file', executable: false, target: '', data: noData() };
  }
  await reader.drain();
}

function parseHeader(header: Buffer): Header {
  const text = header.toString('latin1');
  if (text.startsWith('07070X')) {
    throw badArchive('it is an RPM of the kind for files above 4 GiB; unpack it into a directory and name that');
  }
  if (!/^07070[12][0-9A-Fa-f]{104}$/.test(text)) throw badArchive('it is damaged: a wrong cpio header');
  const field = (index: number): number => Number.parseInt(text.slice(6 + index * 8, 14 + index * 8), 16);
  return {
    inode: `${field(7)}:${field(8)}:${field(0)}`,
    mode: field(1),
    links: field(4),
    size: field(6),
    nameSize: field(11),
  };
}
