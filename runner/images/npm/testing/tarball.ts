/** Tarballs as nobody should write them. */
import { gzipSync } from 'node:zlib';
import { type Header, pack } from 'tar-stream';

export interface Entry extends Partial<Omit<Header, 'name'>> {
  name: string;
  data?: string | Uint8Array;
}

/** The tar archive of the entries, in their order. */
export async function tarOf(entries: readonly Entry[]): Promise<Buffer> {
  const archive = pack();
  for (const { data, ...header } of entries) {
    if (data === undefined) archive.entry({ ...header, size: 0 });
    else archive.entry(header, Buffer.from(data));
  }
  archive.finalize();
  const pieces: Buffer[] = [];
  for await (const piece of archive) pieces.push(piece as Buffer);
  return Buffer.concat(pieces);
}

export const tarballOf = async (entries: readonly Entry[]): Promise<Buffer> => gzipSync(await tarOf(entries));
