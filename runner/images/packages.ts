/** The Debian packages that guests are made of, and what is made of their files once they are unpacked. */
import { readdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { DEBIAN_ARCH } from './apt.js';
import { exists } from './cache.js';
import { sha256 } from './digest.js';
import { type Architecture, hostArchitecture } from './kernels/architecture.js';
import { runTool } from './run-tool.js';

/** Debian's kernels: `cloud` is small and made for guests, `generic` has every driver. */
export type Flavour = 'cloud' | 'generic';
export const FLAVOURS: readonly Flavour[] = ['cloud', 'generic'];

export const isFlavour = (name: string): name is Flavour => FLAVOURS.some((flavour) => flavour === name);

/** The package that always depends on the newest kernel of a flavour. */
export function kernelPackage(flavour: Flavour, arch: Architecture = hostArchitecture()): string {
  return `linux-image-${flavour === 'cloud' ? 'cloud-' : ''}${DEBIAN_ARCH[arch]}`;
}

export const BUSYBOX_PACKAGE = 'busybox-static';

/** `dpkg -x` brings no modules.dep: the package's scripts would have made it. */
export async function finishKernel(root: string): Promise<void> {
  for (const release of await readdir(join(root, 'lib/modules'))) {
    await runTool(release, 'depmod', ['-b', root, release]);
    await writeFile(join(dirname(root), 'vmlinuz.sha256'), await sha256(join(root, 'boot', `vmlinuz-${release}`)));
  }
}

/** The list of applets is asked for once: running busybox on each start would cost a process. */
export async function finishBusybox(root: string): Promise<void> {
  const applets = await runTool(BUSYBOX_PACKAGE, await busyboxIn(root), ['--list-full']);
  const links = applets.split('\n').filter((applet) => applet !== '' && applet !== 'bin/busybox');
  await writeFile(join(dirname(root), 'applets'), `${links.join('\n')}\n`);
}

/** Debian moved it with the merge of /bin and /usr/bin. */
export async function busyboxIn(root: string): Promise<string> {
  const old = join(root, 'bin/busybox');
  return (await exists(old)) ? old : join(root, 'usr/bin/busybox');
}
