/** Where a kernel's debug information may be: beside what was booted, or where distributions put it. */
import { stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { isFlavour } from '../images/packages.js';

/** `kernel`: as a configuration names it. `release`: that of uname. The path of a vmlinux that is there. */
export async function findVmlinux(kernel: string | undefined, release: string): Promise<string | undefined> {
  const own =
    kernel === undefined || isFlavour(kernel) ? [] : [kernel, join(kernel, 'vmlinux'), ...besideImage(kernel)];
  // As Debian's and Fedora's packages of debug information have it.
  const installed = [`/usr/lib/debug/boot/vmlinux-${release}`, `/usr/lib/debug/lib/modules/${release}/vmlinux`];
  for (const path of [...own.filter((each) => each.endsWith('/vmlinux')), ...installed]) {
    if ((await stat(path).catch(() => undefined))?.isFile()) return path;
  }
  return undefined;
}

/** `arch/x86/boot/bzImage` and `arch/arm64/boot/Image` of a build tree. */
function besideImage(kernel: string): string[] {
  const tree = /^(.*)\/arch\/[^/]+\/boot\/[^/]+$/.exec(kernel)?.[1];
  return [join(dirname(kernel), 'vmlinux'), ...(tree === undefined ? [] : [join(tree, 'vmlinux')])];
}
