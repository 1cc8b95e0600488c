import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createCleanup } from '../../cleanup.js';
import { type Cache, cacheRoot } from '../cache.js';
import { findPackage } from '../debian.js';
import { readModuleSet } from '../modules.js';
import { makeElf } from '../testing/bzimage.js';
import { writeTree } from '../testing/directory.js';
import { ARCHITECTURES, hostArchitecture } from './architecture.js';
import { checkConfig, configError, type Needs } from './check-config.js';
import { parseConfig } from './config.js';
import { besideImage, findConfig } from './find-config.js';
import { configFragment } from './fragment.js';
import { readIkconfig } from './ikconfig.js';
import { type Feature, REQUIREMENTS } from './requirements.js';

const FEATURES = [...new Set(REQUIREMENTS.flatMap(({ features = [] }) => features))];

describe('parseConfig', () => {
  it('reads settings and passes over everything else', () => {
    const config = parseConfig(
      '#\n# Linux/x86 6.9\n#\nCONFIG_A=y\nCONFIG_B=m\n# CONFIG_C is not set\nCONFIG_D="a \\"b\\" \\\\ =c"\nCONFIG_E=0x10\r\n' +
        'CONFIG_F=""\nCONFIG_G=n\n CONFIG_H=y\nA=y\nCONFIG_A=m\n',
    );
    expect(Object.fromEntries(config)).toEqual({ A: 'm', B: 'm', D: 'a "b" \\ =c', E: '0x10', F: '' });
  });

  it('reads what it would write, and any text', () => {
    const value = fc.oneof(fc.constantFrom('y', 'm', '12'), fc.stringMatching(/^[ -~]*$/));
    fc.assert(
      fc.property(fc.dictionary(fc.stringMatching(/^[A-Z0-9_]+$/), value), (settings) => {
        const quote = (text: string) => (/^(y|m|\d+)$/.test(text) ? text : `"${text.replace(/["\\]/g, '\\$&')}"`);
        const text = Object.entries(settings).map(([symbol, setting]) => `CONFIG_${symbol}=${quote(setting)}\n`);
        expect(parseConfig(text.join(''))).toEqual(new Map(Object.entries(settings)));
      }),
    );
    fc.assert(fc.property(fc.string(), (text) => void parseConfig(text)));
  });
});

describe('a configuration', () => {
  let directory: string;
  let cache: Cache;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'vmtest-config-'));
    cache = { root: join(directory, 'cache'), cleanup: createCleanup() };
  });
  afterEach(() => rm(directory, { recursive: true, force: true }));

  /** As kernel/configs.c lays it out, at any place of a kernel. */
  const carrying = (before: number, data: Uint8Array): Buffer =>
    Buffer.concat([
      makeElf('.'.repeat(before)),
      Buffer.from('IKCFG_ST'),
      data,
      Buffer.from('IKCFG_ED'),
      Buffer.alloc(9),
    ]);
  const text = `CONFIG_A=y\n${Array.from({ length: 3000 }, (_, i) => `CONFIG_X${i * 7919}=m\n`).join('')}`;

  it.each([0, 2 ** 20 - 64 - 4, 2 ** 20 - 64 - 8, 2 ** 20 - 64 - 11, 2 ** 20 - 64 - 5000])(
    'is read from a kernel that carries it after %i bytes',
    async (before) => {
      const path = join(directory, 'vmlinux');
      await writeFile(path, carrying(before, gzipSync(text)));
      expect(await readIkconfig(path)).toBe(text);
    },
  );

  it('is found with its end in the next piece', async () => {
    const data = gzipSync(text);
    const path = join(directory, 'vmlinux');
    for (const cut of [1, 4, 7]) {
      await writeFile(path, carrying(2 ** 20 - 64 - 8 - data.length - cut, data));
      expect(await readIkconfig(path)).toBe(text);
    }
  });

  it.each([
    ['damaged', gzipSync(text).subarray(0, -30)],
    ['not in gzip', Buffer.from('CONFIG_A=y')],
    ['too long', Buffer.concat([gzipSync(text), Buffer.alloc(6 << 20)])],
  ])('that is %s is none', async (_, data) => {
    const path = join(directory, 'vmlinux');
    await writeFile(path, carrying(10, data));
    expect(await readIkconfig(path)).toBeUndefined();
  });

  it('is looked for in the tree, beside the kernel, in the kernel', async () => {
    const image = join(directory, 'boot/vmlinuz');
    await writeTree(directory, { 'boot/vmlinuz': carrying(9, gzipSync('CONFIG_IN_KERNEL=y\n')) });
    const kernel = { path: image, label: image, arch: 'x86_64', release: '6.9.1' } as const;
    const symbols = async (config?: string) => {
      const located = { image, label: image, ...(config === undefined ? {} : { config }) };
      return [...((await findConfig(cache, located, kernel))?.keys() ?? [])];
    };
    expect(await symbols()).toEqual(['IN_KERNEL']);
    await writeTree(directory, { 'lib/modules/6.9.1/config': 'CONFIG_WITH_MODULES=y\n' });
    expect(await symbols()).toEqual(['WITH_MODULES']);
    await writeTree(directory, { 'boot/config-6.9.1': 'CONFIG_BESIDE=y\n', '.config': 'CONFIG_TREE=y\n' });
    expect(await symbols()).toEqual(['BESIDE']);
    expect(await symbols(join(directory, '.config'))).toEqual(['TREE']);
    await writeTree(directory, { 'boot/vmlinux': makeElf('no configuration') });
    const bare = { ...kernel, path: join(directory, 'boot/vmlinux'), release: undefined };
    expect(await findConfig(cache, { image: bare.path, label: '' }, bare)).toBeUndefined();
  });

  it('may be kept with the kernel and its modules', () => {
    expect(besideImage('/lib/modules/6.9/vmlinuz', '6.9')[0]).toBe('/lib/modules/6.9/config');
    expect(besideImage('/x/vmlinuz', '6.9')).toEqual(['/x/config-6.9', '/lib/modules/6.9/config']);
    expect(besideImage('/x/vmlinuz', undefined)).toEqual([]);
  });
});

describe('checkConfig', () => {
  const needs: Needs = { arch: 'x86_64', features: [], modules: undefined };
  const lacking = (text: string, more: Partial<Needs> = {}) =>
    checkConfig(parseConfig(text), { ...needs, ...more }).map(
      ({ kind, requirement }) => `${kind} ${requirement.symbol}`,
    );

  it.each(ARCHITECTURES)('is content with what kernel-config prints for %s', (arch) => {
    expect(lacking(configFragment(arch), { arch, features: FEATURES })).toEqual([]);
  });

  it('names all that is missing, for this guest', () => {
    const everything = configFragment('x86_64');
    const without = (...symbols: string[]) =>
      symbols.reduce((text, symbol) => text.replace(`CONFIG_${symbol}=y`, `# CONFIG_${symbol} is not set`), everything);
    expect(lacking(without('VIRTIO_VSOCKETS', 'TMPFS', 'KVM_GUEST', 'VIRTIO_MENU'))).toEqual([
      'unset VIRTIO_VSOCKETS',
      'unset TMPFS',
    ]);
    expect(lacking(without('PCI'))).toEqual(['unset PCI']);
    expect(lacking(without('PCI').replace('CONFIG_ACPI=y', ''), { arch: 'aarch64' })).not.toContain('unset PCI');
    const root = without('TMPFS_XATTR', 'SQUASHFS_LZ4', 'SQUASHFS_XATTR');
    expect(lacking(root, { features: ['squashfs', 'squashfs-zstd'] })).toEqual([]);
    expect(lacking(root, { features: ['squashfs', 'squashfs-lz4', 'overlay'] })).toEqual([
      'unset SQUASHFS_LZ4',
      'unset TMPFS_XATTR',
    ]);
    const disks = without('VIRTIO_BLK', 'SQUASHFS', 'RD_ZSTD');
    expect(lacking(disks)).toEqual([]);
    expect(lacking(disks, { features: ['disks', 'squashfs', 'zstd'] })).toEqual([
      'unset VIRTIO_BLK',
      'unset SQUASHFS',
      'unset RD_ZSTD',
    ]);
    expect(lacking(everything, { arch: 'aarch64' })).toEqual([
      'unset SERIAL_AMBA_PL011',
      'unset SERIAL_AMBA_PL011_CONSOLE',
    ]);
  });

  it('takes a module where the guest can load it', () => {
    const text = configFragment('x86_64').replace('CONFIG_VIRTIO_MMIO=y', 'CONFIG_VIRTIO_MMIO=m');
    expect(lacking(text)).toEqual(['module-missing VIRTIO_MMIO']);
    expect(lacking(text, { modules: new Set(['other']) })).toEqual(['module-missing VIRTIO_MMIO']);
    expect(lacking(text, { modules: new Set(['virtio_mmio']) })).toEqual([]);
    const console = text.replace('CONFIG_SERIAL_8250_CONSOLE=y', 'CONFIG_SERIAL_8250_CONSOLE=m');
    expect(lacking(console, { modules: new Set(['virtio_mmio']) })).toEqual(['unset SERIAL_8250_CONSOLE']);
  });

  it('says it in one line, with the lines to add', () => {
    const lacks = (text: string) => checkConfig(parseConfig(text), needs);
    const one = configFragment('x86_64').replace('CONFIG_VIRTIO_VSOCKETS=y', '');
    expect(configError('/k', lacks(one), undefined)).toMatchObject({
      code: 'VMTEST_BAD_INPUT',
      message:
        'kernel /k: this kernel has no CONFIG_VIRTIO_VSOCKETS: guests are reached through it; ' +
        'add these lines to its configuration:',
      context: { path: '/k', lines: ['CONFIG_VIRTIO_VSOCKETS=y'] },
    });
    const more = one.replace('CONFIG_TMPFS=y', '').replace('CONFIG_VIRTIO_MMIO=y', 'CONFIG_VIRTIO_MMIO=m');
    const error = configError('/k', lacks(more), '/m/6.9');
    expect(error.message).toBe(
      'kernel /k: this kernel has no CONFIG_VIRTIO_VSOCKETS: guests are reached through it; ' +
        'no CONFIG_TMPFS: the agent mounts /tmp and /run; this kernel has CONFIG_VIRTIO_MMIO as a module, ' +
        'but /m/6.9 lacks virtio_mmio; name its lib/modules/RELEASE with --modules, or add these lines to its configuration:',
    );
    expect(error.context['lines']).toEqual(['CONFIG_VIRTIO_MMIO=y', 'CONFIG_VIRTIO_VSOCKETS=y', 'CONFIG_TMPFS=y']);
  });

  it.for(['linux-image-cloud-amd64', 'linux-image-amd64'])("is content with Debian's %s", async (name, context) => {
    const unpacked = await findPackage({ root: cacheRoot(process.env), cleanup: createCleanup() }, name);
    if (unpacked === undefined) return context.skip(`${name} is not in the cache: run \`vmtest images fetch\``);
    const release = unpacked.package.replace('linux-image-', '');
    const config = parseConfig(await readFile(join(unpacked.root, 'boot', `config-${release}`), 'utf8'));
    const set = await readModuleSet(join(unpacked.root, 'lib/modules', release));
    const modules = new Set([...set.byName.keys(), ...set.builtin]);
    // That is what the cloud kernel leaves out.
    const features: Feature[] = FEATURES.filter((feature) => feature !== 'mounts' || !name.includes('cloud'));
    expect(checkConfig(config, { arch: 'x86_64', features, modules })).toEqual([]);
    // What may be a module is one here; the table names it as Linux does.
    const named = REQUIREMENTS.filter(({ symbol, module }) => module !== undefined && config.get(symbol) === 'm');
    expect(named.map(({ module = '' }) => module).filter((module) => !modules.has(module))).toEqual([]);
  });
});

describe('REQUIREMENTS', () => {
  it('name each symbol once', () => {
    const symbols = REQUIREMENTS.map(({ symbol }) => symbol);
    expect(new Set(symbols).size).toBe(symbols.length);
  });
});

describe('configFragment', () => {
  it.each(ARCHITECTURES)('is comments and settings for %s, with a reason for each', (arch) => {
    const lines = configFragment(arch).split('\n');
    expect(lines.filter((line) => !/^(#.*|CONFIG_\w+=y|)$/.test(line))).toEqual([]);
    for (const [index, line] of lines.entries()) {
      if (line.startsWith('CONFIG_')) expect(lines[index - 1]).toMatch(/^# \S/);
    }
    expect(lines.includes('CONFIG_ACPI=y')).toBe(arch === 'x86_64');
    expect(lines.includes('CONFIG_SERIAL_AMBA_PL011_CONSOLE=y')).toBe(arch === 'aarch64');
  });
});

describe('hostArchitecture', () => {
  it("is the kernel's name for what Node calls otherwise", () => {
    expect(hostArchitecture('x64')).toBe('x86_64');
    expect(hostArchitecture('arm64')).toBe('aarch64');
    expect(() => hostArchitecture('riscv64')).toThrow('this machine is riscv64');
  });
});
