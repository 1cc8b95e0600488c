/** What a manifest says of the files and the parts of an image. */
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { sha256 } from '../digest.js';
import type { ManifestFile, ManifestPart } from '../store/manifest.js';

/** Every file below a directory, by path. */
export async function describeFiles(root: string): Promise<ManifestFile[]> {
  const entries = await readdir(root, { withFileTypes: true, recursive: true });
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const files = paths.map(async (path) => ({
    path: path.slice(root.length + 1),
    sha256: await sha256(path),
    size: (await stat(path)).size,
  }));
  return (await Promise.all(files)).sort((a, b) => (a.path < b.path ? -1 : 1));
}

export interface DebianPackage {
  package: string;
  version: string;
  /** As apt and dpkg say it: absent where it is equal, `linux (6.1.1-1)` where its version is another. */
  source?: string | undefined;
}

/** Which source a package was built from, as a package URL, and where the package says what may be done with it. */
export function debianPart({ package: name, version, source }: DebianPackage): ManifestPart {
  const [, sourceName = name, sourceVersion = version] = /^(\S+)(?: \((.+)\))?$/.exec(source ?? '') ?? [];
  return {
    name,
    version,
    licence: `see usr/share/doc/${name}/copyright of the package`,
    source: `pkg:deb/debian/${sourceName}@${encodeURIComponent(sourceVersion)}?arch=source`,
  };
}

export function agentPart(version: string): ManifestPart {
  return { name: 'vmtest-agent', version, licence: 'MIT', source: 'native/agent of vmtest' };
}
