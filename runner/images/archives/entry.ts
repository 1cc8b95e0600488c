/** What archives hold, whatever their format. */
import type { ByteReader } from './byte-reader.js';

export interface ArchiveEntry {
  /** As the archive has it: not yet checked. */
  path: string;
  type: 'file' | 'directory' | 'symlink' | 'hardlink' | 'other';
  /** Of a file that anybody may execute. */
  executable: boolean;
  /** What a link points to; of a hard link it is another path of the archive. */
  target: string;
  /** The bytes of a file. What is not read is passed over with the next entry. */
  data: AsyncGenerator<Buffer, void>;
}

export type ArchiveReader = (reader: ByteReader) => AsyncGenerator<ArchiveEntry, void>;

export async function* noData(): AsyncGenerator<Buffer, void> {}
