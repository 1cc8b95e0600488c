import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createCleanup } from '../cleanup.js';
import type { Cache } from './cache.js';
import { concreteKernelPackage, findPackage, parseStanza } from './debian.js';

const STANZA = `Package: linux-image-cloud-amd64
Version: 6.1.192-2
Depends: linux-image-6.1.0-56-cloud-amd64 (= 6.1.192-2)
Description: Linux for cloud
 A continued line: with a colon
SHA256: 00be

Package: linux-image-cloud-amd64
Version: 6.1.1-1
`;

describe('parseStanza', () => {
  it('reads the fields of the first stanza', () => {
    const stanza = parseStanza(STANZA);
    expect(stanza.get('Version')).toBe('6.1.192-2');
    expect(stanza.get('SHA256')).toBe('00be');
    expect([...stanza.keys()]).toEqual(['Package', 'Version', 'Depends', 'Description', 'SHA256']);
  });
});

describe('concreteKernelPackage', () => {
  const depends = (text: string) => concreteKernelPackage(new Map([['Depends', text]]));
  it('follows a package that stands for a kernel, and no other', () => {
    expect(concreteKernelPackage(parseStanza(STANZA))).toBe('linux-image-6.1.0-56-cloud-amd64');
    expect(depends('a, linux-image-6.12.1-amd64 (= 1) | b')).toBe('linux-image-6.12.1-amd64');
    expect(
      depends('kmod, linux-base (>= 4.3~), initramfs-tools (>= 0.120+deb8u2) | linux-initramfs-tool'),
    ).toBeUndefined();
    expect(concreteKernelPackage(new Map())).toBeUndefined();
  });
});

describe('findPackage', () => {
  let cache: Cache;
  beforeEach(async () => {
    cache = { root: await mkdtemp(join(tmpdir(), 'vmtest-debian-')), cleanup: createCleanup() };
  });
  afterEach(() => rm(cache.root, { recursive: true, force: true }));

  it('finds what an alias stands for, when it is still there', async () => {
    expect(await findPackage(cache, 'busybox-static')).toBeUndefined();
    await mkdir(join(cache.root, 'aliases'));
    const manifest = { package: 'busybox-static', version: '1', architecture: 'amd64', sha256: 'abc' };
    await writeFile(join(cache.root, 'aliases/busybox-static.json'), JSON.stringify(manifest));
    expect(await findPackage(cache, 'busybox-static')).toBeUndefined();
    await mkdir(join(cache.root, 'packages/abc/root'), { recursive: true });
    expect(await findPackage(cache, 'busybox-static')).toEqual({
      ...manifest,
      root: join(cache.root, 'packages/abc/root'),
    });
    expect(await readdir(cache.root)).toEqual(['aliases', 'packages']);
  });
});
