import { homedir } from 'node:os';
import { describe, expect, it } from 'vitest';
import { normalizeConfig } from './normalize.js';
import { checkConfig } from './problems.js';
import type { VmtestConfig } from './vmtest-config.js';

const SUITES = [{ name: 's', run: 'true' }];

function normalize(config: Partial<VmtestConfig>, directory = '/base') {
  const checked = checkConfig({ suites: SUITES, ...config });
  if ('problems' in checked) throw new Error(checked.problems.map(({ message }) => message).join('\n'));
  return normalizeConfig(checked.config, directory);
}
const cellsOf = (config: Partial<VmtestConfig>) =>
  Object.fromEntries(normalize(config).cells.map(({ name, guest }) => [name, guest]));

describe('cells', () => {
  it('is one where there is no axis', () => expect(cellsOf({})).toEqual({ micro: {} }));

  it("resolves every path, and leaves names and the guest's own paths alone", () => {
    const guest: VmtestConfig['guest'] = {
      arch: 'x86_64',
      initrd: 'i.cpio',
      modules: '../m',
      load: ['xfs'],
      root: { path: '~/root.img', writable: true },
      init: 'systemd',
      cpus: 2,
      memory: '1.5G',
      append: 'a=b',
      disks: ['d.img', { path: '/abs.img', mode: 'ro', serial: 'x' }],
      mounts: [
        { host: 'src', guest: '/src', mode: 'rw' },
        { host: '/', guest: '/host' },
      ],
      nested: true,
    };
    expect(cellsOf({ guest: { ...guest, kernel: 'k' } })['micro']).toEqual({
      arch: 'x86_64',
      kernel: '/base/k',
      initrd: '/base/i.cpio',
      modules: '/m',
      load: ['xfs'],
      root: { path: `${homedir()}/root.img`, writable: true },
      init: '/lib/systemd/systemd',
      cpus: 2,
      memoryMib: 1536,
      append: 'a=b',
      disks: [
        { path: '/base/d.img', mode: 'overlay' },
        { path: '/abs.img', mode: 'ro', serial: 'x' },
      ],
      mounts: [
        { host: '/base/src', guest: '/src', mode: 'rw' },
        { host: '/', guest: '/host', mode: 'ro' },
      ],
      nested: true,
    });
    expect(cellsOf({ guest: { kernel: 'cloud' } })['micro']).toEqual({ kernel: 'cloud' });
  });

  it('takes lists and objects of kernels and images', () => {
    const images: VmtestConfig['images'] = [
      `debian-12@${'0'.repeat(64)}`,
      { name: 'own', root: 'r.tar', init: '/sbin/init' },
    ];
    expect(
      cellsOf({ kernels: ['cloud', './linux-6.1/', { name: 'debug', kernel: 'k', append: 'debug' }], images }),
    ).toEqual({
      'cloud/debian-12': { kernel: 'cloud', image: images[0] },
      'cloud/own': { kernel: 'cloud', root: { path: '/base/r.tar', writable: false }, init: '/sbin/init' },
      'linux-6.1/debian-12': { kernel: '/base/linux-6.1', image: images[0] },
      'linux-6.1/own': {
        kernel: '/base/linux-6.1',
        root: { path: '/base/r.tar', writable: false },
        init: '/sbin/init',
      },
      'debug/debian-12': { kernel: '/base/k', append: 'debug', image: images[0] },
      'debug/own': {
        kernel: '/base/k',
        append: 'debug',
        root: { path: '/base/r.tar', writable: false },
        init: '/sbin/init',
      },
    });
    expect(cellsOf({ kernels: { stable: 'a/bzImage', next: { kernel: 'b/bzImage', append: 'x' } } })).toEqual({
      stable: { kernel: '/base/a/bzImage' },
      next: { kernel: '/base/b/bzImage', append: 'x' },
    });
  });

  it('writes a size in one way', () => {
    const config = { memory: [512, '1024M', '1.5 GiB'], exclude: [{ memory: 1024 }], cpus: [1, 2] };
    expect(
      Object.keys(cellsOf({ ...config, overrides: [{ match: { memory: '512M', cpus: 2 }, guest: { nested: true } }] })),
    ).toEqual(['1/512M', '1/1536M', '2/512M', '2/1536M']);
  });

  it("has axes of the user's own, behind the others", () => {
    const axes = { sched: { eevdf: {}, lazy: { append: 'preempt=lazy' } } };
    expect(cellsOf({ axes, kernels: ['cloud'], guest: { append: 'a' } })).toEqual({
      'cloud/eevdf': { kernel: 'cloud', append: 'a' },
      'cloud/lazy': { kernel: 'cloud', append: 'a preempt=lazy' },
    });
  });

  it('reads labels of include as values, where they say what they are', () => {
    const include: VmtestConfig['include'] = [
      { axes: { kernel: 'generic', memory: 4096 } },
      { axes: { kernel: '../next/bzImage', cpus: 8 } },
      { axes: { kernel: 'tiny' }, guest: { kernel: 't' } },
      { axes: { kernel: 'cloud', kasan: 'on' }, guest: { append: 'kasan' } },
    ];
    expect(cellsOf({ kernels: ['cloud'], memory: ['512M'], include })).toEqual({
      'cloud/512M/on': { kernel: 'cloud', memoryMib: 512, append: 'kasan' },
      'generic/4G': { kernel: 'generic', memoryMib: 4096 },
      'bzImage/8': { kernel: '/next/bzImage', cpus: 8 },
      tiny: { kernel: '/base/t' },
    });
  });
});

describe('suites', () => {
  it('has defaults', () => {
    expect(normalize({}).suites).toEqual([
      {
        name: 's',
        run: 'true',
        parse: 'exit-code',
        env: {},
        setup: [],
        teardown: [],
        copyIn: [],
        copyOut: [],
        timeouts: { boot: 120_000, command: 600_000 },
        retries: 0,
        expect: [],
        isolate: 'guest',
        faults: 'fail',
        allowedFaults: [],
      },
    ]);
  });

  it('takes everything, over what the top says', () => {
    const fault = { pattern: 'x', reason: 'r', expires: '2030-02-28' };
    const skip = {
      case: 'a > *',
      outcome: 'skip',
      reason: 'r',
      only: { kernelVersion: '<6.1', axes: { cpus: 1 } },
    } as const;
    const config: Partial<VmtestConfig> = {
      cpus: [1, 2],
      timeouts: { command: '1m', idle: 500 },
      retries: 1,
      env: { A: 'top', B: 1 },
      allowedFaults: [fault],
      faults: 'report',
      suites: [
        {
          name: 's',
          run: ['run', ''],
          parse: { format: 'junit', file: 'out.xml' },
          cwd: '/src',
          env: { A: 'own' },
          user: 1000,
          setup: ['a', ['b']],
          teardown: ['c'],
          copyIn: [{ source: 'tests/*.sh', destination: '/src/' }],
          copyOut: ['/var/log/*.log', { source: '/x', destination: 'sub/x' }],
          shares: [{ host: 'data[1]', guest: '/data' }],
          timeouts: { command: '2m', total: '1h' },
          expect: [skip],
          isolate: 'cell',
          only: { axes: { cpus: [1, '2'] } },
          allowedFaults: [{ ...fault, pattern: 'y' }],
        },
      ],
      overrides: [
        {
          match: { cpus: 2 },
          timeouts: { boot: '5m' },
          expect: [{ outcome: 'fail', reason: 'r', expires: '2030-01-01' }],
        },
      ],
    };
    const { suites, overrides } = normalize(config, '/w[x]');
    expect(suites).toEqual([
      {
        name: 's',
        run: ['run', ''],
        parse: 'junit',
        resultFile: '/src/out.xml',
        cwd: '/src',
        env: { A: 'own', B: '1' },
        user: '1000',
        setup: ['a', ['b']],
        teardown: ['c'],
        copyIn: [
          { source: '/w\\[x\\]/data\\[1\\]/.', destination: '/data' },
          { source: '/w\\[x\\]/tests/*.sh', destination: '/src/' },
        ],
        copyOut: [
          { source: '/var/log/*.log', destination: './' },
          { source: '/x', destination: 'sub/x' },
        ],
        timeouts: { boot: 120_000, command: 120_000, idle: 500, total: 3_600_000 },
        retries: 1,
        expect: [{ ...skip, only: { kernelVersion: '<6.1', axes: { cpus: ['1'] } } }],
        isolate: 'cell',
        only: { axes: { cpus: ['1', '2'] } },
        faults: 'report',
        allowedFaults: [fault, { ...fault, pattern: 'y' }],
      },
    ]);
    expect(overrides).toEqual([
      {
        match: { cpus: ['2'] },
        suite: { timeouts: { boot: 300_000 }, expect: [{ outcome: 'fail', reason: 'r', expires: '2030-01-01' }] },
      },
    ]);
  });
});

describe('settings', () => {
  it.each<[Partial<VmtestConfig>, object]>([
    [
      {},
      {
        workers: 'auto',
        output: '/base/vmtest-results',
        failOnFlaky: false,
      },
    ],
    [
      {
        workers: '50%',
        reporters: ['dot', ['junit', { outputFile: 'out/j.xml', flakyFailures: true }]],
        output: '../o',
        maxFailures: 3,
        failOnFlaky: true,
      },
      {
        workers: { percent: 50 },
        reporters: [{ name: 'dot' }, { name: 'junit', output: '/base/out/j.xml', junit: { flakyFailures: true } }],
        output: '/o',
        maxFailures: 3,
        failOnFlaky: true,
      },
    ],
    [
      { workers: 4, maxFailures: 0 },
      {
        workers: { count: 4 },
        output: '/base/vmtest-results',
        failOnFlaky: false,
      },
    ],
  ])('%j', (config, settings) => expect(normalize(config).settings).toEqual(settings));
});
