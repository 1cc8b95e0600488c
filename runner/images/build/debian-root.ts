/**
 * A root file system of Debian's packages, for any architecture, without running a program of it: mmdebstrap works out
 * the packages and unpacks them, `settle` does what their scripts would have done, and the layers become one image.
 */
import { createReadStream } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { VmtestError } from '../../errors.js';
import { DEBIAN_ARCH } from '../apt.js';
import { type FetchOptions, parseStanza } from '../debian.js';
import type { Architecture } from '../kernels/architecture.js';
import { printable } from '../printable.js';
import { type Layer, packLayers } from '../roots/layers.js';
import { readTar } from '../roots/tar-read.js';
import { execTool } from '../tool.js';
import type { DebianRoot } from './recipe.js';
import { READ_FILES, type SettledEntry, settle } from './settle.js';

/**
 * Every file is at least this old, so that an image does not tell when it was made: the day of Debian 12, seconds since
 * 1970. mmdebstrap takes it from SOURCE_DATE_EPOCH.
 */
const BUILD_TIME = 1_686_355_200;

/**
 * Run by mmdebstrap while the packages are still at hand. dpkg is told of what was unpacked, so that a guest's `dpkg -l`
 * works and the manifest can name its parts; the packages themselves are not configured.
 */
const RECORD_PACKAGES =
  'for deb in "$1"/var/cache/apt/archives/*.deb; do dpkg-deb --field "$deb"; echo; done | ' +
  'sed "s/^Package: .*/&\\nStatus: install ok installed/" > "$1"/var/lib/dpkg/status';

/** Links /bin, /lib and so on to /usr, which in Debian 12 no package does. */
const MERGE_USR = '/usr/share/mmdebstrap/hooks/merged-usr/setup00.sh';

export interface DebianRootInput {
  root: DebianRoot;
  arch: Architecture;
  /** The unpacked package of the kernel, whose modules the guest can load. */
  kernelRoot: string;
  /** An empty directory to work in. */
  scratch: string;
  label: string;
}

/** Writes the image; returns what dpkg knows of its packages, a stanza each. */
export async function buildDebianRoot(
  image: string,
  input: DebianRootInput,
  options: FetchOptions,
): Promise<ReadonlyMap<string, string>[]> {
  const { root, arch, scratch, label } = input;
  const base = join(scratch, 'base.tar');
  const modules = join(scratch, 'modules.tar');
  const settled = join(scratch, 'settled.tar');
  options.onProgress?.(`unpacking the packages of ${label}`);
  await bootstrap(base, root, arch, options);
  await packModules(modules, input, options);
  const read = await readFiles(base, label);
  await writeFile(settled, await encodeLayer(settle(root, read)));
  options.onProgress?.(`packing the root of ${label}`);
  const layers = [base, modules, settled].map((path): Layer => ({ name: path, open: () => createReadStream(path) }));
  await packLayers(image, layers, { label, limits: {}, signal: options.signal });
  const status = read.get('var/lib/dpkg/status') ?? '';
  return status
    .split('\n\n')
    .map((stanza) => parseStanza(stanza))
    .filter((stanza) => stanza.has('Package'));
}

async function bootstrap(target: string, root: DebianRoot, arch: Architecture, options: FetchOptions): Promise<void> {
  // Where Debian is not reached by its own name.
  const mirror = process.env['VMTEST_DEBIAN_MIRROR'];
  if (mirror?.startsWith('-')) {
    throw new VmtestError('VMTEST_BAD_INPUT', `VMTEST_DEBIAN_MIRROR: "${printable(mirror)}" is no address of a mirror`);
  }
  const args = [
    '--quiet',
    '--variant=extract',
    '--format=tar',
    `--architectures=${DEBIAN_ARCH[arch]}`,
    `--setup-hook=${MERGE_USR}`,
    `--extract-hook=${RECORD_PACKAGES}`,
    '--aptopt=APT::Install-Recommends "false"',
    ...root.packages.map((name) => `--include=${name}`),
    root.suite,
    target,
    ...(mirror === undefined || mirror === '' ? [] : [mirror]),
  ];
  const env = { SOURCE_DATE_EPOCH: `${BUILD_TIME}`, TMPDIR: dirname(target) };
  const [file = '', ...rest] = [...(await sealedOff()), 'mmdebstrap', ...args];
  // A group of its own: mmdebstrap hangs up on its whole group when it cannot write the archive.
  await execTool(file, rest, { signal: options.signal, env, detached: true }).catch((cause: unknown) => {
    if (!(cause instanceof VmtestError) || cause.code !== 'VMTEST_TOOL') throw cause;
    throw new VmtestError('VMTEST_FETCH', `cannot make a root of Debian's packages: ${cause.message}`, { cause });
  });
}

/**
 * mmdebstrap as root mounts /proc, /sys and /dev in what it makes. In namespaces of its own no mount and no process
 * outlives it or us, however we end, and nobody who tidies up walks into them. Other users' mmdebstrap sees to that itself.
 */
async function sealedOff(): Promise<string[]> {
  if (process.getuid?.() !== 0) return [];
  const command = ['--pdeathsig=KILL', 'unshare', '--mount', '--pid', '--fork', '--kill-child=KILL', '--mount-proc'];
  const { execa } = await import('execa');
  const { failed } = await execa('setpriv', [...command, 'true'], { stdio: 'ignore', reject: false });
  return failed ? [] : ['setpriv', ...command];
}

/** All modules of the kernel, where Debian 12 has them. */
async function packModules(target: string, { kernelRoot }: DebianRootInput, options: FetchOptions): Promise<void> {
  const args = [
    ...['--create', '--file', target, '--directory', kernelRoot],
    ...[
      '--sort=name',
      '--owner=0',
      '--group=0',
      '--numeric-owner',
      '--format=gnu',
      '--mode=u=rwX,go=rX',
      `--mtime=@${BUILD_TIME}`,
    ],
    '--transform=flags=r;s,^lib/,usr/lib/,',
    'lib/modules',
  ];
  await execTool('tar', args, { signal: options.signal });
}

async function readFiles(archive: string, label: string): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>();
  for await (const { entry, data } of readTar(label, createReadStream(archive))) {
    const path = entry.name.replace(/^\.\//, '');
    if (entry.type !== 'file' || !READ_FILES.test(path)) continue;
    const chunks: Buffer[] = [];
    for await (const chunk of data) chunks.push(chunk);
    found.set(path, Buffer.concat(chunks).toString());
  }
  return found;
}

async function encodeLayer(entries: readonly SettledEntry[]): Promise<Buffer> {
  const { pack } = await import('tar-stream');
  const archive = pack();
  for (const entry of entries) {
    const common = { name: entry.path, mtime: new Date(BUILD_TIME * 1000) };
    if (entry.type === 'file') archive.entry({ ...common, mode: entry.mode, gid: entry.gid ?? 0 }, entry.data);
    else if (entry.type === 'directory') archive.entry({ ...common, mode: entry.mode, type: 'directory' });
    else archive.entry({ ...common, type: 'symlink', linkname: entry.target });
  }
  archive.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of archive) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
