/** Versions of QEMU, as its `--version` tells them; pure. */

export interface QemuVersion {
  major: number;
  minor: number;
  micro: number;
}

/** The oldest that is used: what Debian 12 has. Before it, virtio devices and `microvm` lack what guests are given. */
export const OLDEST_QEMU: QemuVersion = { major: 7, minor: 2, micro: 0 };

/** Distributions add a suffix, a package in brackets, and once a copyright behind a comma. */
const VERSION = /^QEMU emulator version (\d{1,4})\.(\d{1,4})\.(\d{1,4})(?:[-+~][\w.+~-]*)?(?:(?: \(|, ).*)?$/;

/** Of the whole output; undefined where its first line says anything else. */
export function parseQemuVersion(output: string): QemuVersion | undefined {
  const [first = ''] = output.split('\n', 1);
  const [, major, minor, micro] = VERSION.exec(first.trimEnd()) ?? [];
  if (major === undefined || minor === undefined || micro === undefined) return undefined;
  return { major: Number(major), minor: Number(minor), micro: Number(micro) };
}

export function isOlder(version: QemuVersion, than: QemuVersion): boolean {
  const order = version.major - than.major || version.minor - than.minor || version.micro - than.micro;
  return order < 0;
}

export const versionText = ({ major, minor, micro }: QemuVersion): string => `${major}.${minor}.${micro}`;

/** The inverse; undefined for any other text. */
export const parseVersionText = (text: string): QemuVersion | undefined =>
  parseQemuVersion(`QEMU emulator version ${text}`);
