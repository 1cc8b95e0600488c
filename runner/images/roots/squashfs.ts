/** A tar stream into a squashfs image, by sqfstar of squashfs-tools. */
import { open } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { packFailed } from './bad-root.js';
import { runPacker, toolEnvironment } from './tool.js';

export interface SquashfsOptions {
  label: string;
  /** Mode of the root directory, for which sqfstar takes no entry. Its owner is who runs sqfstar: 4.5 ignores -root-uid. */
  rootMode: number;
  /** Seconds since 1970; at least the time of every entry. */
  newest: number;
  signal?: AbortSignal | undefined;
}

/**
 * Writes the image; fails with the error of the stream, or with `VMTEST_PACK` when the tool fails. lz4, because an image
 * is made once for few runs: it takes a thirtieth of the time of zstd, whose level sqfstar 4.5 cannot set, for an image
 * a tenth larger. No fragments, because sqfstar 4.5 now and then writes the last one behind the end of the file system,
 * where no kernel finds it. Equal streams give equal images, except where they hold times in the future: sqfstar 4.5 gives the root
 * directory the time of the clock, whatever -root-time says, and only SOURCE_DATE_EPOCH limits that.
 */
export async function writeSquashfs(
  path: string,
  stream: AsyncIterable<Buffer>,
  { label, rootMode, newest, signal }: SquashfsOptions,
): Promise<void> {
  const { execa } = await import('execa');
  const args = [
    '-comp',
    'lz4',
    '-no-fragments',
    '-root-mode',
    rootMode.toString(8),
    '-no-progress',
    '-quiet',
    '-exit-on-error',
    path,
  ];
  const [file, ...rest] = [...(await asRoot()), 'sqfstar', ...args];
  const child = execa(file ?? '', rest, {
    stdin: 'pipe',
    stdout: 'ignore',
    env: { ...toolEnvironment(), SOURCE_DATE_EPOCH: `${newest}` },
    extendEnv: false,
    ...(signal === undefined ? {} : { cancelSignal: signal }),
  });
  const fed = pipeline(Readable.from(stream), child.stdin).catch((error: unknown) => {
    // Otherwise it would end half a stream as if it were whole.
    child.kill('SIGKILL');
    throw error;
  });
  const run = runPacker(child, { label, tool: 'sqfstar', debianPackage: 'squashfs-tools', signal });
  const [input, ended] = await Promise.allSettled([fed, run]);
  signal?.throwIfAborted();
  if (input.status === 'rejected' && !isBrokenPipe(input.reason)) throw input.reason;
  if (ended.status === 'rejected') throw ended.reason;
  if (input.status === 'rejected') throw packFailed(label, 'sqfstar ended before its input did', input.reason);
  await checkLength(path, label);
}

/**
 * What makes this user root of a user namespace, where that may be had: systemd in a guest trusts nothing below a root
 * directory that belongs to somebody else.
 */
async function asRoot(): Promise<string[]> {
  if (process.getuid?.() === 0) return [];
  const { execa } = await import('execa');
  const command = ['unshare', '--map-root-user'];
  const { failed } = await execa('unshare', ['--map-root-user', 'true'], { stdio: 'ignore', reject: false });
  return failed ? [] : command;
}

/** The file is the file system (its length is in the superblock, in `bytes_used`) and the padding, or it is damaged. */
async function checkLength(path: string, label: string): Promise<void> {
  const handle = await open(path, 'r').catch((cause: unknown) => {
    throw packFailed(label, 'sqfstar wrote no image', cause);
  });
  try {
    const superblock = Buffer.alloc(96);
    await handle.read(superblock, 0, superblock.length, 0);
    const used = Number(superblock.readBigUInt64LE(40));
    const { size } = await handle.stat();
    if (size !== Math.ceil(used / 4096) * 4096) throw packFailed(label, 'sqfstar wrote a damaged image; try again');
  } finally {
    await handle.close();
  }
}

/** The tool went away first; its own error says why. */
const isBrokenPipe = (error: unknown): boolean =>
  ['EPIPE', 'ECONNRESET', 'ERR_STREAM_PREMATURE_CLOSE'].includes((error as NodeJS.ErrnoException).code ?? '');
