/** What `vmtest run` exits with and prints: the promises of the exit code table. */
import { readFile } from 'node:fs/promises';
import { expect, test } from '@playwright/test';
import { isEmulated, runInGuest, startVmtest, vmtest } from './support/cli.js';
import { vmmsOf } from './support/processes.js';

test('runs a command and prints what it prints', async () => {
  const result = await vmtest(['run', '--', 'uname', '-a']);
  expect(result).toMatchObject({ code: 0, left: [] });
  expect(result.stdout).toMatch(/^Linux vmtest 6\.\d.* (x86_64|aarch64) GNU\/Linux\n$/);
});

test("exits with the command's code, stdout and stderr apart", async () => {
  const result = await runInGuest('echo out; echo err >&2; exit 7');
  expect(result).toMatchObject({ code: 7, stdout: 'out\n', left: [] });
  expect(result.stderr).toContain('err\n');
});

test('passes stdin with its end, environment, working directory and user', async () => {
  const script = 'cat; echo "$FOO|$PWD|$(id -u)"';
  const flags = ['--env', 'FOO=a b', '--cwd', '/tmp', '--user', '65534'];
  const result = await runInGuest(script, flags, { stdin: 'one\ntwo\n' });
  expect(result).toMatchObject({ code: 0, stdout: 'one\ntwo\na b|/tmp|65534\n' });
});

test('exits 128 + n when a signal ended the command', async () => {
  expect(await runInGuest('kill -SEGV $$')).toMatchObject({ code: 139, left: [] });
});

test('exits 127 or 126 for a command that is not there or cannot be run, and says so', async () => {
  const missing = await vmtest(['run', '--', 'no-such-command']);
  expect(missing.code).toBe(127);
  expect(missing.stderr).toContain('no-such-command');
});

test('a panic: 120, and the last console lines are shown', async () => {
  const result = await runInGuest('echo c > /proc/sysrq-trigger');
  expect(result).toMatchObject({ code: 120, left: [] });
  expect(result.stderr).toContain('Kernel panic - not syncing: sysrq triggered crash');
});

test('the guest powers off under the command: 122, and the message says that it did', async () => {
  const result = await vmtest(['run', '--', 'poweroff', '-f']);
  expect(result).toMatchObject({ code: 122, left: [] });
  expect(result.stderr).toContain('powered off');
});

test('a command that takes too long: 124', async () => {
  const result = await vmtest(['run', '--timeout', '500ms', '--', 'sleep', '1000']);
  expect(result).toMatchObject({ code: 124, left: [] });
});

test('a guest that never gets ready: 121, and the last console lines are shown', async () => {
  // init=/bin/true would panic; a kernel that waits for a root device that never comes does not.
  const flags = [
    '--boot-timeout',
    // Emulated guests get so many times as much.
    isEmulated ? '1s' : '25s',
    '--append',
    'rdinit=/none root=/dev/none rootwait console=ttyS0 ignore_loglevel',
  ];
  const result = await runInGuest('true', flags);
  expect(result).toMatchObject({ code: 121, left: [] });
  expect(result.stderr).toContain('Waiting for root device');
});

test('a kernel fault: 119 when asked to fail on it, else the code of the command', async () => {
  // No stock kernel can be made to warn from user space; through /dev/kmsg the words take the same way.
  const provoke = "echo '<4>WARNING: CPU: 0 PID: 1 at kernel/fork.c:1 copy_process+0x1/0x2' > /dev/kmsg; exit 3";
  expect((await runInGuest(provoke)).code).toBe(3);
  const strict = await runInGuest(provoke, ['--fail-on-splat']);
  expect(strict).toMatchObject({ code: 119, left: [] });
  expect(strict.stderr).toContain('kernel/fork.c:1');
});

test('the console goes to a file when asked', async () => {
  const info = test.info();
  const log = info.outputPath('console.log');
  const result = await runInGuest('echo hello-console > /dev/console', ['--console', log]);
  expect(result.code).toBe(0);
  expect(await readFile(log, 'utf8')).toContain('hello-console');
});

for (const [signal, code] of [
  ['SIGINT', 130],
  ['SIGTERM', 130],
] as const) {
  test(`${signal}: ends the guest, exits ${code}`, async () => {
    const run = await startVmtest(['run', '--', 'sh', '-c', 'echo started; sleep 1000']);
    await new Promise((resolve) => run.child.stdout?.once('data', resolve));
    const vmms = await vmmsOf(run.child.pid);
    expect(vmms).toHaveLength(1);
    run.child.kill(signal);
    expect(await run.result).toMatchObject({ code, left: [] });
    await expect.poll(() => vmmsOf(run.child.pid)).toEqual([]);
  });
}
