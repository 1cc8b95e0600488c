/** How images are called as npm packages; pure. One package is one image for one architecture. */
import type { Architecture } from '../kernels/architecture.js';

export const PACKAGE_SCOPE = '@vmtest';

export const packageName = (name: string, arch: Architecture): string => `${PACKAGE_SCOPE}/image-${name}-${arch}`;

/**
 * The version of the package of an image: npm wants MAJOR.MINOR.PATCH, so `1` becomes `1.0.0`. undefined where a
 * version is something else.
 */
export function packageVersion(version: string): string | undefined {
  const parts = version.split('.');
  if (parts.length > 3 || !parts.every((part) => /^(0|[1-9]\d{0,8})$/.test(part))) return undefined;
  return [...parts, '0', '0'].slice(0, 3).join('.');
}

/** What is asked of a registry for a recipe of this version: any of the same major. */
export function versionRange(version: string): string | undefined {
  const major = packageVersion(version)?.split('.')[0];
  return major === undefined ? undefined : `^${major}`;
}

/** As `npm pack` names its files. */
export const tarballName = (packageName: string, version: string): string =>
  `${packageName.replace(/^@/, '').replace('/', '-')}-${version}.tgz`;

/** Where a package has its parts, below the one directory that npm wants. */
export const PACKAGE_JSON = 'package/package.json';
export const MANIFEST_JSON = 'package/manifest.json';
export const blobEntry = (sha256: string): string => `package/blobs/${sha256}`;

/** The digest of a blob's entry; undefined for every other path. */
export const digestOfEntry = (path: string): string | undefined => /^package\/blobs\/([0-9a-f]{64})$/.exec(path)?.[1];
