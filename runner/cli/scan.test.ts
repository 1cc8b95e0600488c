/** `vmtest scan` as a process. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const main = fileURLToPath(new URL('main.ts', import.meta.url));
const WARNING = [
  '------------[ cut here ]------------',
  'WARNING: CPU: 0 PID: 77 at fs/foo.c:12 foo_warn+0x1a/0x20 [fs]',
  'CPU: 0 PID: 77 Comm: test Tainted: G        W  O       6.1.0 #1',
  'RIP: 0010:foo_warn+0x1a/0x20 [fs]',
  'Call Trace:',
  ' <TASK>',
  ' foo_ioctl+0x12/0x34',
  ' </TASK>',
  '---[ end trace 0000000000000000 ]---',
].map((line, index) => `[    1.00000${index}] ${line}\n`);
const NOTE = '[    0.500000] fs: loading out-of-tree module taints kernel.\n';

let directory: string;
let log: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'vmtest-scan-'));
  log = join(directory, 'console.log');
});
afterEach(() => rm(directory, { recursive: true, force: true }));

const scan = (args: string[], input = '') =>
  execa(process.execPath, ['--import', 'tsx', main, 'scan', ...args], { reject: false, input });

describe('vmtest scan', () => {
  it('tells of faults, each once, and exits with 1', async () => {
    await writeFile(log, `${NOTE}${WARNING.join('')}${WARNING.join('')}`);
    const { exitCode, stdout, stderr } = await scan([log]);
    expect({ exitCode, stderr }).toEqual({ exitCode: 1, stderr: '' });
    expect(stdout.split('\n')).toEqual([
      'taint: module fs',
      expect.stringMatching(/^ {2}only a note, taint, line 1, fingerprint [\da-f]{16}$/),
      '',
      'WARNING in foo_warn',
      expect.stringMatching(/^ {2}warning, line 3, 2 times, fingerprint [\da-f]{16}, tainted GWO$/),
      '    foo_warn+0x1a/0x20 [fs]',
      '    foo_ioctl+0x12/0x34',
    ]);
  });

  it('prints JSON, from standard input', async () => {
    const { exitCode, stdout } = await scan(['--json', '-'], WARNING.join(''));
    expect(exitCode).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject([
      {
        title: 'WARNING in foo_warn',
        type: 'warning',
        line: 2,
        count: 1,
        frames: [{ function: 'foo_warn', offset: 0x1a, size: 0x20, module: 'fs' }, { function: 'foo_ioctl' }],
        fingerprint: expect.stringMatching(/^[\da-f]{16}$/),
      },
    ]);
  });

  it('exits with 0 where nothing but notes is found', async () => {
    expect(await scan(['-'], 'all is well\n')).toMatchObject({ exitCode: 0, stdout: 'no faults' });
    expect(await scan(['--json', '-'])).toMatchObject({ exitCode: 0, stdout: '[]' });
    expect(await scan(['-'], NOTE)).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('only a note') });
  });

  it('does without lines of the source where it cannot have them', async () => {
    const { exitCode, stdout, stderr } = await scan(
      ['--vmlinux', '/nonexistent', '-'],
      WARNING.join('').replaceAll(' [fs]', ''),
    );
    expect(exitCode).toBe(1);
    expect(stdout).toContain('WARNING in foo_warn');
    expect(stderr).toMatch(/^vmtest: warning: \/nonexistent: no source lines: ENOENT/);
  });

  it.each([
    [[], /missing required argument 'file'/],
    [['/nonexistent/log'], /^vmtest: \/nonexistent\/log: ENOENT/],
    [['/'], /^vmtest: \/: EISDIR/],
    [['--vmlinux', '', '-'], /^vmtest: --vmlinux: is empty$/],
    [[''], /^vmtest: the file: is empty$/],
    [['--xml', '-'], /unknown option '--xml'/],
  ])('refuses %j with exit code 2', async (args, message) => {
    const { exitCode, stdout, stderr } = await scan(args);
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
    expect(stderr).toMatch(message);
  });
});
