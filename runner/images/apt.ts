/**
 * Which apt to ask for packages of an architecture. For the host's own it is the host's. For another one it
 * is a private set of package lists in the cache, with the host's sources and keys: nothing of the host's
 * apt is changed (no `dpkg --add-architecture`), and no root is needed.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Cache, cached } from './cache.js';
import { type Architecture, hostArchitecture } from './kernels/architecture.js';
import { runTool } from './run-tool.js';
import type { ToolOptions } from './tool.js';

/** How Debian calls them. */
export const DEBIAN_ARCH: Readonly<Record<Architecture, string>> = { x86_64: 'amd64', aarch64: 'arm64' };

/** Options to put before those of `apt-get` and `apt-cache`. The lists of another architecture are those of the day. */
export async function aptOptions(cache: Cache, arch: Architecture, options: ToolOptions): Promise<string[]> {
  if (arch === hostArchitecture()) return [];
  const debianArch = DEBIAN_ARCH[arch];
  const day = new Date().toISOString().slice(0, 10);
  const directory = await cached(cache, 'apt', `${debianArch}-${day}`, async (scratch) => {
    for (const path of ['state/lists/partial', 'cache/archives/partial']) {
      await mkdir(join(scratch, path), { recursive: true });
    }
    await writeFile(join(scratch, 'status'), '');
    const args = [
      ...privateOptions(scratch, debianArch),
      '-q',
      '-o',
      'APT::Sandbox::User=root',
      '-o',
      'APT::Update::Error-Mode=any',
      'update',
    ];
    await runTool(`the package lists of ${debianArch}`, 'apt-get', args, options);
  });
  return privateOptions(directory, debianArch);
}

function privateOptions(directory: string, debianArch: string): string[] {
  const settings = {
    'Dir::State': join(directory, 'state'),
    'Dir::State::status': join(directory, 'status'),
    'Dir::Cache': join(directory, 'cache'),
    // An entry of the cache does not change once it is made: apt keeps its index in memory.
    'Dir::Cache::pkgcache': '',
    'Dir::Cache::srcpkgcache': '',
    'APT::Architecture': debianArch,
    'APT::Architectures': debianArch,
    'Acquire::Languages': 'none',
  };
  return Object.entries(settings).flatMap(([name, value]) => ['-o', `${name}=${value}`]);
}
