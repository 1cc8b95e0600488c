/**
 * The manifest of an image: what it is made of, file by file, each with its digest. Pure.
 *
 * A manifest may come from anywhere (a package, a store that was tampered with), so it is checked here,
 * once, before anything acts on it.
 */
import { VmtestError } from '../../errors.js';
import { ARCHITECTURES, type Architecture } from '../kernels/architecture.js';
import { printable, quotedText } from '../printable.js';

/** Raised when an older vmtest could not use what it reads. */
export const MANIFEST_SCHEMA = 1;

export interface ManifestFile {
  /** Relative, `/` between its parts. */
  path: string;
  sha256: string;
  /** Bytes. */
  size: number;
}

/** What went into the image: a Debian package, mostly. */
export interface ManifestPart {
  name: string;
  version: string;
  /** SPDX expression where the source says one, else where the text is. */
  licence: string;
  /** Where the source is to be had. */
  source: string;
}

/** What a file of the image is for; paths of `files`. */
export interface ManifestRoles {
  kernel: string;
  /** Static `vmtest-agent` of the image's architecture. */
  agent: string;
  /** The directory `lib/modules/RELEASE`, files below it. */
  modules?: string;
  /** Static busybox, and the list of its applets, a path a line. */
  busybox?: string;
  applets?: string;
  /** A root file system, and its type for mount(2). */
  root?: { path: string; fstype: string };
}

export interface Manifest {
  schema: typeof MANIFEST_SCHEMA;
  name: string;
  version: string;
  arch: Architecture;
  /** `uname -r` of the kernel. */
  kernelRelease: string;
  roles: ManifestRoles;
  /** By path, ascending: equal images have equal manifests. */
  files: ManifestFile[];
  parts: ManifestPart[];
}

/** Many times what an image of hundreds of files needs; it bounds every list in it. Bytes. */
export const MAX_MANIFEST_BYTES = 4 * 2 ** 20;
/** UTF-16 units of any text in it. */
const MAX_TEXT = 1024;
/** Names of a path, and bytes of each: linux/limits.h has NAME_MAX. */
const MAX_DEPTH = 64;
const MAX_NAME = 255;
/** What is not seen or no text at all: control characters, and halves of characters. */
const UNPRINTABLE = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}]/u;
/** As utsname(2) bounds it, and fit to be a directory of lib/modules. */
const RELEASE = /^(?!\.{1,2}$)[!-.0-~]{1,64}$/;

const NAME = /^[a-z0-9][a-z0-9.-]{0,63}$/;
const DIGEST = /^[0-9a-f]{64}$/;

/** Whether a name can be a file name of the store and a part of a package's name. */
export const isImageName = (name: string): boolean => NAME.test(name);

/** Throws `VMTEST_IMAGE` with the first thing that is wrong. `label` says whose manifest it is. */
export function parseManifest(label: string, text: string): Manifest {
  const fail = (why: string): never => {
    throw new VmtestError('VMTEST_IMAGE', `the manifest of ${label} is not usable: ${why}`);
  };
  if (Buffer.byteLength(text) > MAX_MANIFEST_BYTES) fail(`it is longer than ${MAX_MANIFEST_BYTES / 2 ** 20} MiB`);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    return fail(`it is no JSON: ${printable((cause as Error).message)}`);
  }
  const reader = createReader(fail);
  const manifest = reader.object(value, 'it');
  if (manifest['schema'] !== MANIFEST_SCHEMA) {
    fail(`it has the schema ${shown(manifest['schema'])}, this vmtest knows ${MANIFEST_SCHEMA}`);
  }
  reader.only(manifest, 'it', ['schema', 'name', 'version', 'arch', 'kernelRelease', 'roles', 'files', 'parts']);
  const name = reader.text(manifest['name'], 'name');
  if (!isImageName(name)) fail(`${quotedText(name)} is no name of an image`);
  const arch = ARCHITECTURES.find((known) => known === manifest['arch']);
  if (arch === undefined) return fail(`unknown architecture ${shown(manifest['arch'])}`);
  const files = reader.list(manifest['files'], 'files').map((file, i) => parseFile(reader, file, `files[${i}]`));
  checkPaths(files, fail);
  const kernelRelease = reader.text(manifest['kernelRelease'], 'kernelRelease');
  if (!RELEASE.test(kernelRelease)) fail(`${quotedText(kernelRelease)} is no release of a kernel`);
  return {
    schema: MANIFEST_SCHEMA,
    name,
    version: reader.text(manifest['version'], 'version'),
    arch,
    kernelRelease,
    roles: parseRoles(reader, manifest['roles'], files, fail),
    files,
    parts: reader.list(manifest['parts'], 'parts').map((part, i) => parsePart(reader, part, `parts[${i}]`)),
  };
}

/** The text of a manifest; equal images give equal bytes. */
export function formatManifest(manifest: Manifest): string {
  const files = [...manifest.files].sort((a, b) => (a.path < b.path ? -1 : 1));
  const parts = [...manifest.parts].sort((a, b) => (a.name < b.name ? -1 : 1));
  return `${JSON.stringify({ ...manifest, files, parts }, null, 2)}\n`;
}

/** Whatever it is, in few words; what nests deeply is not walked. */
const shown = (value: unknown): string =>
  typeof value === 'string' ? quotedText(value) : typeof value === 'object' ? 'a list or an object' : String(value);

type Fail = (why: string) => never;

function createReader(fail: Fail) {
  return {
    object(value: unknown, where: string): Record<string, unknown> {
      if (typeof value !== 'object' || value === null || Array.isArray(value)) return fail(`${where} is no object`);
      return value as Record<string, unknown>;
    },
    list(value: unknown, where: string): unknown[] {
      return Array.isArray(value) ? value : fail(`${where} is no list`);
    },
    text(value: unknown, where: string): string {
      if (typeof value !== 'string' || value === '') return fail(`${where} is no text`);
      if (value.length > MAX_TEXT) return fail(`${where} is longer than ${MAX_TEXT} characters`);
      return UNPRINTABLE.test(value) ? fail(`${where} has control characters`) : value;
    },
    only(value: Record<string, unknown>, where: string, known: readonly string[]): void {
      const extra = Object.keys(value).find((key) => !known.includes(key));
      if (extra !== undefined) fail(`${where} has ${quotedText(extra)}, which nobody knows`);
    },
  };
}

type Reader = ReturnType<typeof createReader>;

function parseFile(reader: Reader, value: unknown, where: string): ManifestFile {
  const file = reader.object(value, where);
  reader.only(file, where, ['path', 'sha256', 'size']);
  const { size } = file;
  const sha256 = reader.text(file['sha256'], `${where}.sha256`);
  if (!DIGEST.test(sha256)) reader.text(undefined, `${where}.sha256, a SHA-256 in hexadecimal,`);
  if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0) {
    return reader.text(undefined, `${where}.size, a number of bytes,`) as never;
  }
  return { path: reader.text(file['path'], `${where}.path`), sha256, size };
}

function parsePart(reader: Reader, value: unknown, where: string): ManifestPart {
  const part = reader.object(value, where);
  reader.only(part, where, ['name', 'version', 'licence', 'source']);
  const field = (name: string): string => reader.text(part[name], `${where}.${name}`);
  return { name: field('name'), version: field('version'), licence: field('licence'), source: field('source') };
}

/** No path may leave the directory that an image is laid out in, and none may stand where another goes through. */
function checkPaths(files: readonly ManifestFile[], fail: Fail): void {
  const seen = new Set<string>();
  for (const { path } of files) {
    const parts = path.split('/');
    if (parts.some((part) => part === '' || part === '.' || part === '..')) {
      fail(`the path ${quotedText(path)} climbs out`);
    }
    if (parts.length > MAX_DEPTH) fail(`the path ${quotedText(path)} is deeper than ${MAX_DEPTH}`);
    if (parts.some((part) => Buffer.byteLength(part) > MAX_NAME)) {
      fail(`the path ${quotedText(path)} has a name over ${MAX_NAME} bytes`);
    }
    if (seen.has(path)) fail(`the path ${quotedText(path)} is there twice`);
    seen.add(path);
  }
  for (const { path } of files) {
    const parts = path.split('/');
    for (let i = 1; i < parts.length; i += 1) {
      const above = parts.slice(0, i).join('/');
      if (seen.has(above)) fail(`the path ${quotedText(path)} goes through the file ${quotedText(above)}`);
    }
  }
}

function parseRoles(reader: Reader, value: unknown, files: readonly ManifestFile[], fail: Fail): ManifestRoles {
  const roles = reader.object(value, 'roles');
  reader.only(roles, 'roles', ['kernel', 'agent', 'modules', 'busybox', 'applets', 'root']);
  const paths = new Set(files.map(({ path }) => path));
  const file = (path: unknown, where: string): string => {
    const text = reader.text(path, where);
    return paths.has(text) ? text : fail(`${where} is ${quotedText(text)}, which is not among its files`);
  };
  const parsed: ManifestRoles = {
    kernel: file(roles['kernel'], 'roles.kernel'),
    agent: file(roles['agent'], 'roles.agent'),
  };
  for (const role of ['busybox', 'applets'] as const) {
    if (roles[role] !== undefined) parsed[role] = file(roles[role], `roles.${role}`);
  }
  if (roles['modules'] !== undefined) {
    const modules = reader.text(roles['modules'], 'roles.modules');
    if (!files.some(({ path }) => path.startsWith(`${modules}/`))) fail(`it has no files in ${quotedText(modules)}`);
    parsed.modules = modules;
  }
  if (roles['root'] !== undefined) {
    const root = reader.object(roles['root'], 'roles.root');
    reader.only(root, 'roles.root', ['path', 'fstype']);
    parsed.root = {
      path: file(root['path'], 'roles.root.path'),
      fstype: reader.text(root['fstype'], 'roles.root.fstype'),
    };
  }
  return parsed;
}
