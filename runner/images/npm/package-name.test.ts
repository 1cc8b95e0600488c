import { describe, expect, it } from 'vitest';
import { blobEntry, digestOfEntry, packageName, packageVersion, tarballName, versionRange } from './package-name.js';

describe('the package of an image', () => {
  it('is called after its image and architecture', () => {
    const name = packageName('micro', 'x86_64');
    expect(name).toBe('@vmtest/image-micro-x86_64');
    expect(tarballName(name, '1.0.0')).toBe('vmtest-image-micro-x86_64-1.0.0.tgz');
  });

  it.each([
    ['1', '1.0.0', '^1'],
    ['1.2', '1.2.0', '^1'],
    ['0.3.4', '0.3.4', '^0'],
    ['10.20.30', '10.20.30', '^10'],
  ])('has for %s the version %s, and asks for %s', (version, semver, range) => {
    expect(packageVersion(version)).toBe(semver);
    expect(versionRange(version)).toBe(range);
  });

  it.each(['', '.', '1.', '01', '1.2.3.4', '1.2.3-rc.1', 'v1', '1 || 2', 'latest', '1.0.0\n', '9'.repeat(400)])(
    'has no version for %j',
    (version) => {
      expect(packageVersion(version)).toBeUndefined();
      expect(versionRange(version)).toBeUndefined();
    },
  );

  it('knows its blobs by their exact paths', () => {
    const digest = 'a'.repeat(64);
    expect(digestOfEntry(blobEntry(digest))).toBe(digest);
    for (const path of [
      `package/blobs/../${digest}`,
      `package/blobs/${digest}/`,
      `blobs/${digest}`,
      `/package/blobs/${digest}`,
      `package/blobs/${digest}\n`,
    ]) {
      expect(digestOfEntry(path)).toBeUndefined();
    }
  });
});
