/**
 * Packages of the Debian archive, unpacked in the cache:
 *
 *   packages/<sha256 of the .deb>/manifest.json, root/...   what the package holds
 *   aliases/<name>.json                                     which package a name stands for
 *
 * apt verifies the signatures of the archive; the digest is compared once more after the download. Once
 * fetched, a name keeps its meaning until it is fetched again: runs do not change under the user's feet.
 */
import { randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { VmtestError } from '../errors.js';
import { type Cache, cached, find, isReadOnly } from './cache.js';
import { sha256 } from './digest.js';

export interface PackageManifest {
  package: string;
  version: string;
  architecture: string;
  sha256: string;
}

export interface UnpackedPackage extends PackageManifest {
  /** The directory that the package's files are in. */
  root: string;
}

export interface FetchOptions {
  signal?: AbortSignal | undefined;
  /** Says what takes long. */
  onProgress?: (message: string) => void;
  /** Works on the unpacked files before they are published, for example depmod. */
  finish?: (root: string) => Promise<void>;
}

const fetchFailed = (what: string, why: string, cause: unknown): VmtestError =>
  new VmtestError('VMTEST_FETCH', `cannot fetch the Debian package ${what}: ${why}`, { cause });

/** Runs a tool; its last line of complaint becomes the message. */
export async function runTool(
  what: string,
  file: string,
  args: string[],
  options: { cwd?: string; signal?: AbortSignal | undefined } = {},
) {
  const { execa } = await import('execa');
  // depmod lives in sbin, which is not on the path of everyone.
  const env = { LC_ALL: 'C', PATH: `${process.env['PATH'] ?? '/usr/bin:/bin'}:/usr/sbin:/sbin` };
  try {
    const { stdout } = await execa(file, args, {
      env,
      stdin: 'ignore',
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
      ...(options.signal === undefined ? {} : { cancelSignal: options.signal }),
    });
    return stdout;
  } catch (cause) {
    options.signal?.throwIfAborted();
    const failure = cause as { code?: string; stderr?: string; shortMessage?: string };
    if (failure.code === 'ENOENT') throw fetchFailed(what, `${file} is not installed`, cause);
    const complaint = failure.stderr?.trim().split('\n').at(-1) || failure.shortMessage || String(cause);
    throw fetchFailed(what, complaint, cause);
  }
}

/** One stanza of `apt-cache show`. */
export function parseStanza(text: string): ReadonlyMap<string, string> {
  const first = text.split('\n\n')[0] ?? '';
  const fields = new Map<string, string>();
  for (const line of first.split('\n')) {
    const match = /^([A-Za-z0-9-]+): *(.*)$/.exec(line);
    if (match?.[1] !== undefined && match[2] !== undefined) fields.set(match[1], match[2]);
  }
  return fields;
}

/** The kernel package that a package like `linux-image-cloud-amd64` depends on; undefined for other packages. */
export function concreteKernelPackage(stanza: ReadonlyMap<string, string>): string | undefined {
  const depends = stanza.get('Depends') ?? '';
  const found = depends.split(',').map((clause) => /^\s*(linux-image-\d[^\s(|]*)/.exec(clause)?.[1]);
  return found.find((name) => name !== undefined);
}

async function lookUp(name: string, options: FetchOptions): Promise<PackageManifest> {
  const text = await runTool(name, 'apt-cache', ['show', '--no-all-versions', name], options);
  const stanza = parseStanza(text);
  const concrete = concreteKernelPackage(stanza);
  if (concrete !== undefined) return lookUp(concrete, options);
  const field = (key: string): string => {
    const value = stanza.get(key);
    if (value === undefined) throw fetchFailed(name, `apt does not say its ${key}; try \`apt-get update\``, undefined);
    return value;
  };
  return {
    package: field('Package'),
    version: field('Version'),
    architecture: field('Architecture'),
    sha256: field('SHA256'),
  };
}

async function unpack(manifest: PackageManifest, scratch: string, options: FetchOptions): Promise<void> {
  const name = `${manifest.package}=${manifest.version}`;
  options.onProgress?.(`fetching ${manifest.package} ${manifest.version}`);
  await runTool(name, 'apt-get', ['download', '-q', '-o', 'APT::Sandbox::User=root', name], {
    ...options,
    cwd: scratch,
  });
  const archive = (await readdir(scratch)).find((file) => file.endsWith('.deb'));
  if (archive === undefined) throw fetchFailed(name, 'apt-get downloaded nothing', undefined);
  const path = join(scratch, archive);
  const digest = await sha256(path);
  if (digest !== manifest.sha256) {
    throw fetchFailed(name, `its SHA-256 is ${digest}, the archive says ${manifest.sha256}`, undefined);
  }
  const root = join(scratch, 'root');
  await mkdir(root);
  await runTool(name, 'dpkg-deb', ['-x', path, root], options);
  await rm(path);
  await options.finish?.(root);
  await writeFile(join(scratch, 'manifest.json'), `${JSON.stringify(manifest, null, 2)}\n`);
}

/** Fetches what `name` stands for today. */
export async function fetchPackage(cache: Cache, name: string, options: FetchOptions = {}): Promise<UnpackedPackage> {
  const manifest = await lookUp(name, options);
  const directory = await cached(cache, 'packages', manifest.sha256, (scratch) => unpack(manifest, scratch, options));
  await writeAlias(cache, name, manifest);
  return { ...manifest, root: join(directory, 'root') };
}

/** The package that `name` stood for when it was last fetched. */
export async function findPackage(cache: Cache, name: string): Promise<UnpackedPackage | undefined> {
  const alias = await readFile(join(cache.root, 'aliases', `${name}.json`), 'utf8').catch(() => undefined);
  if (alias === undefined) return undefined;
  const manifest = parseAlias(alias);
  if (manifest === undefined) return undefined;
  const directory = await find(cache, 'packages', manifest.sha256);
  return directory === undefined ? undefined : { ...manifest, root: join(directory, 'root') };
}

/** One that a crash of the host tore is as good as none. */
function parseAlias(text: string): PackageManifest | undefined {
  try {
    const manifest = JSON.parse(text) as PackageManifest;
    return typeof manifest.sha256 === 'string' ? manifest : undefined;
  } catch {
    return undefined;
  }
}

async function writeAlias(cache: Cache, name: string, manifest: PackageManifest): Promise<void> {
  const directory = join(cache.root, 'aliases');
  const scratch = join(directory, `.${name}.${process.pid}.${randomBytes(4).toString('hex')}`);
  try {
    await mkdir(directory, { recursive: true });
    await writeFile(scratch, `${JSON.stringify(manifest, null, 2)}\n`);
    await rename(scratch, join(directory, `${name}.json`));
  } catch (error) {
    await rm(scratch, { force: true }).catch(() => {});
    // A cache that cannot be written is read only on purpose.
    if (!isReadOnly(error)) throw error;
  }
}
