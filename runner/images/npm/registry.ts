/** Looks a package up in the user's registry, and downloads its tarball. npm's libraries are loaded only for this. */
import { type FileHandle, open } from 'node:fs/promises';
import type { TarballStream } from 'pacote';
import { withLimits } from '../../deadline.js';
import { VmtestError } from '../../errors.js';
import { quotedText } from '../printable.js';
import { packageVersion } from './package-name.js';
import { registryError } from './registry-error.js';
import { readSettings, type SettingsOptions } from './settings.js';

export interface FoundPackage {
  /** `name@version`. */
  spec: string;
  version: string;
}

export interface Registry {
  /** Host and port, for messages. */
  readonly host: string;
  /** The version that npm would install: the one tagged `latest` where it is in the range, else the highest in it. */
  lookUp(name: string, range: string): Promise<FoundPackage>;
  /** Writes the tarball to a new file. Its checksum is compared with that of the registry. */
  download(found: FoundPackage, path: string): Promise<void>;
}

/** Far more than registries take. Bytes. */
const MAX_TARBALL_BYTES = 2 * 2 ** 30;
const TOO_LARGE = `the tarball is larger than ${MAX_TARBALL_BYTES / 2 ** 30} GiB`;
/** A connection that no one answers is not seen by the limits of the libraries. Milliseconds. */
const LOOKUP_LIMIT = 30_000;
/** For a registry that is never silent for long and never done. Milliseconds. */
const DOWNLOAD_LIMIT = 30 * 60_000;

/** Both calls throw as `registryError` says, and with the reason of the signal. */
export async function openRegistry(options: SettingsOptions, signal?: AbortSignal): Promise<Registry> {
  const { flat, registry: host, patience } = await readSettings(options);
  signal?.throwIfAborted();
  if (flat['offline'] === true) throw new VmtestError('VMTEST_PULL', "npm's settings say to work offline");
  const { default: pacote } = await import('pacote');
  // What was looked up is not asked for again by the download.
  const packumentCache = new Map<string, unknown>();
  // Nothing but a registry is asked, whatever the answer of one says.
  const elsewhere = { allowGit: 'none', allowRemote: 'none', allowFile: 'none', allowDirectory: 'none' };
  const settings = { ...flat, ...elsewhere, packumentCache };

  /** The libraries look at a signal, but not while they wait for another attempt. */
  const within = async <T>(spec: string, limit: number, act: (own: AbortSignal) => Promise<T>): Promise<T> => {
    const controller = new AbortController();
    const onTimeout = () => new VmtestError('VMTEST_PULL', `${spec}: the registry ${host} took over ${limit / 1000} s`);
    try {
      return await withLimits(act(controller.signal), { timeoutMs: limit, onTimeout, signal });
    } catch (error) {
      signal?.throwIfAborted();
      throw registryError(error, spec, host);
    } finally {
      controller.abort();
    }
  };

  return {
    host,
    async lookUp(name, range) {
      const wanted = `${name}@${range}`;
      const found = await within(wanted, Math.max(LOOKUP_LIMIT, patience), (own) =>
        pacote.manifest(wanted, { ...settings, signal: own }),
      );
      const { version, _resolved, _integrity } = found;
      const bad = (why: string) => new VmtestError('VMTEST_IMAGE', `the registry ${host} ${why} of ${wanted}`);
      if (found.name !== name) throw bad(`gives ${quotedText(String(found.name))} in the place`);
      // It becomes a part of a specifier, where other texts than numbers stand for files and for programs to be run.
      if (packageVersion(String(version)) !== version) throw bad(`gives ${quotedText(String(version))} as the version`);
      if (_resolved === undefined) throw bad('does not say where the tarball is');
      if (_integrity === undefined) throw bad('has no checksum');
      return { spec: `${name}@${version}`, version };
    },
    async download({ spec }, path) {
      await using file = await open(path, 'wx');
      const broken = await within(spec, DOWNLOAD_LIMIT, (own) => {
        const write = (stream: TarballStream): Promise<unknown> =>
          // What pacote would try again it would first remove from npm's own cache; with an error of ours it does not.
          writeTarball(stream, file, own).catch((error: unknown) => Promise.reject(registryError(error, spec, host)));
        return pacote.tarball.stream(spec, write, { ...settings, signal: own });
      });
      if (broken !== undefined) throw broken;
    },
  };
}

/** Returns the error of the file system where there is one; throws those of the stream. */
async function writeTarball(stream: TarballStream, file: FileHandle, signal: AbortSignal): Promise<unknown> {
  // What goes wrong while a piece is written is not told by the iterator: it ends, as if all was well.
  let failure: unknown;
  stream.on('error', (error) => {
    failure ??= error;
  });
  let size = 0;
  for await (const piece of stream) {
    signal.throwIfAborted();
    size += piece.length;
    if (size > MAX_TARBALL_BYTES) throw new VmtestError('VMTEST_IMAGE', TOO_LARGE);
    const broken = await file.writeFile(piece).catch((error: unknown) => error);
    if (broken !== undefined) return broken;
  }
  if (failure !== undefined) throw failure;
  return undefined;
}
