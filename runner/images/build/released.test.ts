import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { findPackageRoot } from '../../installation.js';
import { ARCHITECTURES } from '../kernels/architecture.js';
import { readRecipes } from './recipe.js';
import { differences, releasedManifest } from './released.js';

const RECIPES = join(findPackageRoot(), 'guest-images');

describe('the manifests of the release', () => {
  it('are there for every recipe and architecture, and are of its version', async () => {
    for (const { name, version } of (await readRecipes(RECIPES)).values()) {
      for (const arch of ARCHITECTURES) {
        expect(await releasedManifest(RECIPES, { name, arch })).toMatchObject({ name, version, arch });
      }
    }
  });
});

describe('differences', () => {
  it('are told by package, else by file', async () => {
    const manifest = await releasedManifest(RECIPES, { name: 'micro', arch: 'x86_64' });
    if (manifest === undefined) throw new Error('no manifest');
    expect(differences(manifest, manifest)).toEqual([]);

    const [first, ...parts] = manifest.parts;
    const newer = { ...manifest, parts: [{ ...first, name: 'busybox', version: '2' } as never, ...parts] };
    expect(differences(manifest, newer)).toContain('busybox none -> 2');

    const [file, ...files] = manifest.files;
    const sha256 = 'f'.repeat(64);
    const other = { ...manifest, files: [{ ...file, sha256 } as never, ...files] };
    expect(differences(manifest, other)).toEqual([`${file?.path} ${file?.sha256.slice(0, 12)} -> ffffffffffff`]);
  });
});
