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
import { aptOptions, DEBIAN_ARCH } from './apt.js';
import { type Cache, cached, find, isReadOnly } from './cache.js';
import { sha256 } from './digest.js';
import { type Architecture, hostArchitecture } from './kernels/architecture.js';
import { fetchFailed, runTool } from './run-tool.js';

export interface PackageManifest {
  package: string;
  /** The source package it was built from, and that one's version where it differs: `linux (6.1.1-1)`. */
  source?: string;
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
  /** Default: the host's. */
  arch?: Architecture | undefined;
  /** Says what takes long. */
  onProgress?: (message: string) => void;
  /** Works on the unpacked files before they are published, for example depmod. */
  finish?: (root: string) => Promise<void>;
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

async function lookUp(name: string, apt: readonly string[], options: FetchOptions): Promise<PackageManifest> {
  const text = await runTool(name, 'apt-cache', [...apt, 'show', '--no-all-versions', name], options);
  const stanza = parseStanza(text);
  const concrete = concreteKernelPackage(stanza);
  if (concrete !== undefined) return lookUp(concrete, apt, options);
  const field = (key: string): string => {
    const value = stanza.get(key);
    if (value === undefined) throw fetchFailed(name, `apt does not say its ${key}; try \`apt-get update\``, undefined);
    return value;
  };
  const source = stanza.get('Source');
  return {
    package: field('Package'),
    ...(source === undefined ? {} : { source }),
    version: field('Version'),
    architecture: field('Architecture'),
    sha256: field('SHA256'),
  };
}

async function unpack(
  manifest: PackageManifest,
  scratch: string,
  apt: readonly string[],
  options: FetchOptions,
): Promise<void> {
  const name = `${manifest.package}=${manifest.version}`;
  options.onProgress?.(`fetching ${manifest.package} ${manifest.version}`);
  await runTool(name, 'apt-get', [...apt, 'download', '-q', '-o', 'APT::Sandbox::User=root', name], {
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
  const apt = await aptOptions(cache, options.arch ?? hostArchitecture(), options);
  const manifest = await lookUp(name, apt, options);
  const make = (scratch: string): Promise<void> => unpack(manifest, scratch, apt, options);
  const directory = await cached(cache, 'packages', manifest.sha256, make);
  await writeAlias(cache, aliasOf(name, options.arch), manifest);
  return { ...manifest, root: join(directory, 'root') };
}

/** `busybox-static`, and `busybox-static:arm64` for aarch64: hosts of either architecture may share a cache. */
function aliasOf(name: string, arch: Architecture = hostArchitecture()): string {
  return arch === 'x86_64' ? name : `${name}:${DEBIAN_ARCH[arch]}`;
}

/** The package that `name` stood for when it was last fetched. */
export async function findPackage(
  cache: Cache,
  name: string,
  arch?: Architecture,
): Promise<UnpackedPackage | undefined> {
  const path = join(cache.root, 'aliases', `${aliasOf(name, arch)}.json`);
  const alias = await readFile(path, 'utf8').catch(() => undefined);
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
