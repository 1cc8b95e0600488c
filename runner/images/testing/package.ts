/** Makes packages that no builder of packages would make. */
import { gzipSync } from 'node:zlib';

/** deb(5): an ar archive. */
export function makeAr(members: readonly (readonly [name: string, data: Uint8Array])[]): Buffer {
  const pieces: Uint8Array[] = [Buffer.from('!<arch>\n')];
  for (const [name, data] of members) {
    const fields = `${name.padEnd(16)}${'0'.padEnd(12)}${'0'.padEnd(6)}${'0'.padEnd(6)}${'100644'.padEnd(8)}`;
    pieces.push(
      Buffer.from(`${fields}${String(data.length).padEnd(10)}\`\n`),
      data,
      Buffer.alloc(data.length % 2, '\n'),
    );
  }
  return Buffer.concat(pieces);
}

/** A Debian package of one tar archive. */
export const makeDeb = (tar: Uint8Array): Buffer =>
  makeAr([
    ['debian-binary', Buffer.from('2.0\n')],
    ['control.tar.gz', gzipSync(Buffer.alloc(1024))],
    ['data.tar.gz', gzipSync(tar)],
  ]);

/** An RPM package with headers that say nothing, the first of an odd length. `payload` is as it is to be stored. */
export function makeRpm(payload: Uint8Array): Buffer {
  const lead = Buffer.alloc(96);
  lead.writeUInt32BE(0xedabeedb, 0);
  const header = (entries: number, data: number): Buffer => {
    const bytes = Buffer.alloc(16 + entries * 16 + data);
    bytes.writeUInt32BE(0x8eade801, 0);
    bytes.writeUInt32BE(entries, 8);
    bytes.writeUInt32BE(data, 12);
    return bytes;
  };
  // 96 + 16 + 16 + 5 bytes: 3 more to a multiple of 8.
  return Buffer.concat([lead, header(1, 5), Buffer.alloc(3), header(2, 7), payload]);
}
