/** `vmtest test` as a process: what is printed of a plan, and what is wrong with it. */
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { describe, expect, it } from 'vitest';
import { directoryWith } from '../config/testing/write.js';

const main = fileURLToPath(new URL('main.ts', import.meta.url));
const tsx = fileURLToPath(import.meta.resolve('tsx'));

const CONFIG = `kernels: [cloud, generic]
memory: [512M, 1G]
exclude: [{kernel: generic, memory: 1G}]
suites:
  - {name: boot, run: "true", isolate: cell}
  - {name: long, run: [sleep, "60"]}
  - {name: net, run: "true", isolate: cell, only: {axes: {kernel: cloud}}}
`;

async function vmtest(files: Record<string, string>, ...args: string[]) {
  const cwd = await directoryWith(files);
  const { exitCode, stdout, stderr } = await execa(process.execPath, ['--import', tsx, main, ...args], {
    cwd,
    reject: false,
    stdin: 'ignore',
  });
  return { exitCode, stdout, stderr: stderr.replaceAll(cwd, 'CWD') };
}

describe('vmtest test', () => {
  it('lists jobs in the order of the configuration, selected', async () => {
    expect(await vmtest({ 'vmtest.config.yaml': CONFIG }, '--list')).toEqual({
      exitCode: 0,
      stderr: '',
      stdout: [
        'cloud/512M > boot',
        'cloud/512M > long',
        'cloud/512M > net',
        'cloud/1G > boot',
        'cloud/1G > long',
        'cloud/1G > net',
        'generic/512M > boot',
        'generic/512M > long',
      ].join('\n'),
    });
  });

  it('prints the plan as JSON: long groups first, flags laid over the configuration', async () => {
    const timings = JSON.stringify({ version: 1, jobs: { 'cloud/512M > boot': 5, 'cloud/512M > long': 70_000 } });
    const files = { 'vmtest.config.yaml': CONFIG, 'vmtest-timings.json': timings };
    const flags = [
      '--project',
      'cloud/5*',
      '--retries',
      '3',
      '--timeout',
      '1m',
      '--reporter',
      'dot,junit',
      '-j',
      '2',
      '-x',
    ];
    const { stdout } = await vmtest(files, 'test', '--dry-run', ...flags);
    expect(JSON.parse(stdout)).toMatchObject({
      settings: {
        workers: { count: 2 },
        reporters: [{ name: 'dot' }, { name: 'junit' }],
        maxFailures: 1,
      },
      cells: [
        { name: 'cloud/512M', axes: { kernel: 'cloud', memory: '512M' }, guest: { kernel: 'cloud', memoryMib: 512 } },
      ],
      groups: [
        [{ id: 'cloud/512M > long', suite: { retries: 3, timeouts: { command: 60_000 } } }],
        [{ id: 'cloud/512M > boot' }, { id: 'cloud/512M > net' }],
      ],
    });
  });

  it.each<[string, Record<string, string>, string[], string]>([
    [
      'no configuration',
      {},
      [],
      'vmtest: there is no vmtest.config.ts here, nor .js, .json or .yaml; `vmtest init` writes one, --config names another',
    ],
    [
      'a bad one',
      { 'vmtest.config.yaml': `retrys: 1\nworkers: 0\n${CONFIG}` },
      [],
      'vmtest: vmtest.config.yaml:1: retrys: no such key; did you mean retries?\nvmtest.config.yaml:2: workers: 0 is not auto, a number from 1 to 10000, or a share of the CPUs like 50%',
    ],
    [
      'one that ends the process',
      { 'vmtest.config.mjs': 'process.exit(0);' },
      ['--list'],
      'vmtest: CWD/vmtest.config.mjs: calls process.exit; nothing was run',
    ],
    [
      'a promise for ever',
      { 'vmtest.config.mjs': 'export default new Promise(() => {});' },
      ['--list'],
      'vmtest: vmtest.config.mjs: waits for a promise that nothing settles',
    ],
    [
      'nothing that fits',
      { 'vmtest.config.yaml': CONFIG },
      ['-g', 'nfs'],
      'vmtest: none of 8 jobs fits --grep "nfs"; see them all with `vmtest test --list`',
    ],
    [
      'no such cell',
      { 'vmtest.config.yaml': CONFIG },
      ['--project', 'cloud/1T'],
      'vmtest: --project: no cell is called "cloud/1T"; did you mean cloud/1G?',
    ],
    [
      'bad timings',
      { 'vmtest.config.yaml': CONFIG, 'vmtest-timings.json': '{}' },
      ['--list'],
      'vmtest: vmtest-timings.json: has version none, and this vmtest reads version 1; remove it, or write it anew with --update-timings',
    ],
  ])('says what is wrong, with exit code 2: %s', async (_, files, args, stderr) =>
    expect(await vmtest(files, ...args)).toEqual({ exitCode: 2, stdout: '', stderr }),
  );
});
