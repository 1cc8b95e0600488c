/**
 * Reads the tarball of an image's package into a directory. The package is hostile input: nothing of it is believed
 * before it was checked, and no path of it is ever used.
 *
 * - Its entries are files by exactly the names that `vmtest images pack` writes, each once: no directories, no links,
 *   no devices, no others.
 * - The manifest comes before the blobs. It says how many bytes may follow; a blob with more or fewer, or another
 *   digest, is a lie.
 * - What is written is named by the digests of what was asked for, in a directory of the caller's.
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { VmtestError } from '../../errors.js';
import { byteReader } from '../archives/byte-reader.js';
import type { ArchiveEntry } from '../archives/entry.js';
import { readTar } from '../archives/tar.js';
import { decompressStream } from '../decompress.js';
import type { Architecture } from '../kernels/architecture.js';
import { printable, quotedText } from '../printable.js';
import { MAX_MANIFEST_BYTES, type Manifest, parseManifest } from '../store/manifest.js';
import { digestOfEntry, MANIFEST_JSON, PACKAGE_JSON, packageName, packageVersion } from './package-name.js';

export interface PackageIdentity {
  /** Of the image. */
  name: string;
  arch: Architecture;
  /** Of the package, as the registry has it. */
  version: string;
}

export interface PackageContent {
  manifest: Manifest;
  /** The manifest to the byte. */
  text: Buffer;
  /** Where each file of the manifest is now, by its path in the image. */
  sources: Map<string, string>;
}

/** The most that a package may unpack to: many times any image. Bytes. */
const MAX_PACKAGE_BYTES = 4 * 2 ** 30;
const MAX_PACKAGE_JSON = 64 << 10;

/**
 * Throws `VMTEST_IMAGE` with the first thing that is wrong; then the directory holds what nobody may use.
 * `identity` is what was asked for; `directory` is empty.
 */
export async function readPackage(
  path: string,
  directory: string,
  identity: PackageIdentity,
  signal?: AbortSignal,
): Promise<PackageContent> {
  const label = `${packageName(identity.name, identity.arch)}@${identity.version}`;
  const fail: Fail = (reason, cause) => {
    throw new VmtestError('VMTEST_IMAGE', `the package ${label} is not usable: ${reason}`, { cause });
  };
  try {
    await using reader = byteReader(decompressStream(createReadStream(path), 'gzip'), MAX_PACKAGE_BYTES);
    return await readEntries(readTar(reader), directory, identity, fail, signal);
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof VmtestError && (error.code === 'VMTEST_ARCHIVE' || error.code === 'VMTEST_DECOMPRESS')) {
      return fail(printable(error.message, 300), error);
    }
    throw error;
  }
}

type Fail = (reason: string, cause?: unknown) => never;

async function readEntries(
  entries: AsyncIterable<ArchiveEntry>,
  directory: string,
  identity: PackageIdentity,
  fail: Fail,
  signal: AbortSignal | undefined,
): Promise<PackageContent> {
  const seen = new Set<string>();
  let content: Omit<PackageContent, 'sources'> | undefined;
  let wanted = new Map<string, number>();
  for await (const entry of entries) {
    signal?.throwIfAborted();
    const shown = quotedText(entry.path);
    if (entry.type !== 'file') fail(`it holds ${shown}, which is no plain file (${entry.type})`);
    if (seen.has(entry.path)) fail(`it holds ${shown} twice`);
    seen.add(entry.path);
    const digest = digestOfEntry(entry.path);
    if (entry.path === PACKAGE_JSON) {
      checkPackageJson(await readSmall(entry, MAX_PACKAGE_JSON, fail), identity, fail);
    } else if (entry.path === MANIFEST_JSON) {
      content = parse(await readSmall(entry, MAX_MANIFEST_BYTES, fail), identity, fail);
      wanted = sizesOf(content.manifest, fail);
    } else if (digest === undefined) {
      fail(`it holds ${shown}, which is no part of an image`);
    } else if (content === undefined) {
      fail(`it holds ${shown} before its manifest.json`);
    } else {
      const size = wanted.get(digest);
      if (size === undefined) fail(`it holds ${shown}, which its manifest does not name`);
      else await writeBlob(entry, { directory, digest, size }, fail, signal);
    }
  }
  if (content === undefined) return fail('it has no manifest.json');
  if (!seen.has(PACKAGE_JSON)) fail('it has no package.json');
  const sources = new Map<string, string>();
  const held = new Set([...seen].map(digestOfEntry));
  for (const { path, sha256 } of content.manifest.files) {
    if (!held.has(sha256)) fail(`it lacks the blob of ${quotedText(path)}`);
    sources.set(path, join(directory, sha256));
  }
  return { ...content, sources };
}

async function readSmall(entry: ArchiveEntry, limit: number, fail: Fail): Promise<Buffer> {
  const pieces: Buffer[] = [];
  let size = 0;
  for await (const piece of entry.data) {
    size += piece.length;
    if (size > limit) fail(`its ${quotedText(entry.path)} is longer than ${limit / 1024} KiB`);
    pieces.push(piece);
  }
  return Buffer.concat(pieces);
}

/** Only what makes it this package: the rest of it is npm's, and nothing here runs or reads it. */
function checkPackageJson(text: Buffer, identity: PackageIdentity, fail: Fail): void {
  let value: unknown;
  try {
    value = JSON.parse(text.toString());
  } catch (cause) {
    fail(`its package.json is no JSON: ${printable((cause as Error).message)}`, cause);
  }
  const { name, version } = (value ?? {}) as { name?: unknown; version?: unknown };
  const own = packageName(identity.name, identity.arch);
  if (name !== own) fail(`its package.json is not that of ${own}`);
  if (version !== identity.version) fail(`its package.json is not that of the version ${identity.version}`);
}

function parse(text: Buffer, { name, arch, version }: PackageIdentity, fail: Fail): Omit<PackageContent, 'sources'> {
  let decoded: string;
  try {
    decoded = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(text);
  } catch (cause) {
    return fail('its manifest.json is not UTF-8', cause);
  }
  const manifest = parseManifest(`the package ${packageName(name, arch)}@${version}`, decoded);
  if (manifest.name !== name) fail(`its manifest is that of the image ${quotedText(manifest.name)}`);
  if (manifest.arch !== arch) fail(`its manifest is that of an image for ${manifest.arch}`);
  if (packageVersion(manifest.version) !== version) {
    fail(`its manifest is that of the version ${quotedText(manifest.version)}`);
  }
  return { manifest, text };
}

/** The size of each blob; equal files share one. */
function sizesOf(manifest: Manifest, fail: Fail): Map<string, number> {
  const sizes = new Map<string, number>();
  for (const { path, sha256, size } of manifest.files) {
    if ((sizes.get(sha256) ?? size) !== size) fail(`its manifest gives the blob of ${quotedText(path)} two sizes`);
    sizes.set(sha256, size);
  }
  const total = [...sizes.values()].reduce((sum, size) => sum + size, 0);
  if (total > MAX_PACKAGE_BYTES) fail(`its files come to more than ${MAX_PACKAGE_BYTES / 2 ** 30} GiB`);
  return sizes;
}

interface Blob {
  directory: string;
  digest: string;
  size: number;
}

async function writeBlob(
  entry: ArchiveEntry,
  { directory, digest, size }: Blob,
  fail: Fail,
  signal: AbortSignal | undefined,
): Promise<void> {
  const hash = createHash('sha256');
  const file = await open(join(directory, digest), 'wx', 0o644);
  let written = 0;
  try {
    for await (const piece of entry.data) {
      signal?.throwIfAborted();
      written += piece.length;
      if (written > size) break;
      hash.update(piece);
      await file.writeFile(piece);
    }
  } finally {
    await file.close();
  }
  if (written !== size) fail(`its blob ${digest} has not the ${size} bytes that its manifest says`);
  const found = hash.digest('hex');
  if (found !== digest) fail(`its blob ${digest} has the SHA-256 ${found}`);
}
