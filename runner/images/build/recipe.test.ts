import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { findPackageRoot } from '../../installation.js';
import { parseRecipe, readRecipes } from './recipe.js';

const RECIPE = { name: 'own', version: '1.0.0', description: 'mine', kernel: 'cloud', root: { kind: 'busybox' } };
const DEBIAN = { kind: 'debian', suite: 'bookworm', packages: ['systemd'], links: { '/usr/bin/awk': 'mawk' } };
const parse = (changes: object) => parseRecipe('own', JSON.stringify({ ...RECIPE, ...changes }));

describe('parseRecipe', () => {
  it('reads both kinds of roots', () => {
    expect(parse({})).toEqual(RECIPE);
    expect(parse({ root: DEBIAN }).root).toEqual(DEBIAN);
  });

  it('puts packages and links behind those of the base', () => {
    const base = parseRecipe('base', JSON.stringify({ ...RECIPE, name: 'base', root: DEBIAN }));
    const root = { kind: 'debian', base: 'base', packages: ['gdb'], links: { '/usr/bin/cc': 'gcc' } };
    const { root: both } = parseRecipe('own', JSON.stringify({ ...RECIPE, root }), new Map([['base', base]]));
    expect(both).toEqual({
      kind: 'debian',
      suite: 'bookworm',
      packages: ['systemd', 'gdb'],
      links: { '/usr/bin/awk': 'mawk', '/usr/bin/cc': 'gcc' },
    });
  });

  it.each([
    [{ nmae: 'x' }, 'nobody knows "nmae"'],
    [{ name: '../x' }, '"../x" is no name of an image'],
    [{ version: '1' }, 'version is "1" and not like 1.0.0'],
    [{ kernel: 'fat' }, 'kernel is none of cloud, generic'],
    [{ description: '' }, 'description is missing'],
    [{ root: { kind: 'windows' } }, 'neither "busybox" nor "debian"'],
    [{ root: { ...DEBIAN, base: 'none' } }, 'there is no recipe "none"'],
    [{ root: { ...DEBIAN, suite: '--keyring=/x' } }, 'is no code name of a release'],
    [{ root: { ...DEBIAN, packages: ['a b'] } }, '"a b" is no name of a package'],
    [{ root: { ...DEBIAN, packages: ['--x'] } }, '"--x" is no name of a package'],
    [{ root: { ...DEBIAN, links: { '/etc/../../x': 'y' } } }, '"/etc/../../x" is no absolute path'],
    [{ root: { ...DEBIAN, links: { 'usr/bin/x': 'y' } } }, '"usr/bin/x" is no absolute path'],
  ])('refuses %j', (changes, message) => {
    expect(() => parse(changes)).toThrow(message);
  });
});

describe('readRecipes', () => {
  it('reads those that come with vmtest', async () => {
    const recipes = await readRecipes(join(findPackageRoot(), 'guest-images'));
    expect([...recipes.keys()]).toEqual(['debian-12', 'debian-12-dev', 'micro']);
  });
});
