/** The tools of the host that images and roots are made with. */
import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { delimiter, isAbsolute, join } from 'node:path';

export interface Tool {
  name: string;
  /** Debian's package of it, which ci/packages.txt has as `run`. */
  debian: string;
  use: string;
}

/** apt and dpkg are no packages to install: where they are missing, the host is no Debian. */
export const TOOLS: readonly Tool[] = [
  { name: 'apt-get', debian: 'apt', use: "images out of Debian's packages" },
  { name: 'dpkg-deb', debian: 'dpkg', use: 'kernels in packages' },
  { name: 'mmdebstrap', debian: 'mmdebstrap', use: "roots out of Debian's packages" },
  { name: 'depmod', debian: 'kmod', use: 'modules of kernels' },
  { name: 'xz', debian: 'xz-utils', use: 'kernels packed with xz or lzma' },
  { name: 'zstd', debian: 'zstd', use: 'kernels packed with zstd' },
  { name: 'lz4', debian: 'lz4', use: 'kernels packed with lz4' },
  { name: 'bzip2', debian: 'bzip2', use: 'kernels packed with bzip2' },
  { name: 'lzop', debian: 'lzop', use: 'kernels packed with lzo' },
  { name: 'mkfs.erofs', debian: 'erofs-utils', use: 'directories as roots' },
  { name: 'sqfstar', debian: 'squashfs-tools', use: 'archives as roots' },
  { name: 'setpriv', debian: 'util-linux', use: 'guests that end with their parent' },
];

/** Those that are nowhere on PATH, nor where only root looks. */
export async function missingTools(env: NodeJS.ProcessEnv): Promise<string[]> {
  const directories = [...(env['PATH'] ?? '/usr/bin:/bin').split(delimiter), '/usr/sbin', '/sbin'].filter(isAbsolute);
  const isThere = async (name: string): Promise<boolean> => {
    for (const directory of directories) {
      const found = await access(join(directory, name), constants.X_OK).then(
        () => true,
        () => false,
      );
      if (found) return true;
    }
    return false;
  };
  const found = await Promise.all(TOOLS.map(async ({ name }) => ((await isThere(name)) ? [] : [name])));
  return found.flat();
}
