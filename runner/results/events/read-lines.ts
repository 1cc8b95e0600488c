/** Lines of a file, one after the other, whatever its size. */
import { createReadStream } from 'node:fs';
import { VmtestError } from '../../errors.js';

export interface Line {
  text: string;
  /** The first is 1. */
  number: number;
  /** It ends with a line feed; without one it is the last, and may be a part. */
  ended: boolean;
}

/** Bytes of one line. The longest event is that of 5,000 jobs. */
export const MAX_EVENT_LINE = 64 * 1024 * 1024;

/** Throws VMTEST_BAD_INPUT when the file cannot be read, for longer lines, and for lines that are no UTF-8. */
export async function* readLines(path: string, signal?: AbortSignal): AsyncGenerator<Line> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let pieces: Buffer[] = [];
  let length = 0;
  let number = 1;

  const bad = (message: string): VmtestError => new VmtestError('VMTEST_BAD_INPUT', `${path}:${number}: ${message}`);
  const take = (last: Buffer, ended: boolean): Line => {
    const bytes = pieces.length === 0 ? last : Buffer.concat([...pieces, last]);
    pieces = [];
    length = 0;
    return { text: decode(bytes, ended), number: number++, ended };
  };
  const decode = (bytes: Buffer, ended: boolean): string => {
    try {
      return decoder.decode(bytes);
    } catch {
      // A line that was cut may be cut in a character; it is no event in any case.
      if (!ended) return '\ufffd';
      throw bad('the line is no UTF-8');
    }
  };

  for await (const chunk of read(path, signal)) {
    let start = 0;
    for (let at = chunk.indexOf(0x0a); at >= 0; at = chunk.indexOf(0x0a, start)) {
      yield take(chunk.subarray(start, at), true);
      start = at + 1;
    }
    if (start === chunk.length) continue;
    length += chunk.length - start;
    if (length > MAX_EVENT_LINE) throw bad(`the line has more than ${MAX_EVENT_LINE} bytes`);
    pieces.push(chunk.subarray(start));
  }
  if (length > 0) yield take(Buffer.alloc(0), false);
}

async function* read(path: string, signal?: AbortSignal): AsyncGenerator<Buffer> {
  try {
    for await (const chunk of createReadStream(path, { signal, highWaterMark: 1024 * 1024 })) yield chunk as Buffer;
  } catch (cause) {
    if (signal?.aborted) throw signal.reason;
    const { code, message } = cause as NodeJS.ErrnoException;
    const why = code === 'ENOENT' ? `there is no ${path}` : `${path} cannot be read: ${message}`;
    throw new VmtestError('VMTEST_BAD_INPUT', why, { cause });
  }
}
