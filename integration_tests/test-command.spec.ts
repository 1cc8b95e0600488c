/** `vmtest test` with real guests: every verdict, interruptions, and the results that they leave. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { expect, test } from '@playwright/test';
import { execa } from 'execa';
import { vmtest } from './support/cli.js';
import { childrenOf, isRunning } from './support/processes.js';
import { readResults, runTests, startTests, writeConfig } from './support/test-run.js';

const SMALL = { memory: '128M' };

test('every verdict, each by a guest that does it', async () => {
  test.setTimeout(600_000);
  const info = test.info();
  const disk = info.outputPath('disk');
  await writeFile(disk, Buffer.alloc(4096));
  // The first attempt leaves a mark on its disk, the second finds it.
  const flaky =
    '[ "$(head -c 1 /dev/vda)" = x ] || { printf x | dd of=/dev/vda conv=notrunc,fsync 2>/dev/null; exit 1; }';
  const directory = await writeConfig(info, {
    guest: { ...SMALL, disks: [{ path: disk, mode: 'rw' }] },
    workers: 1,
    suites: [
      { name: 'passes', run: 'true' },
      { name: 'fails', run: 'echo why; exit 3' },
      { name: 'known', run: 'false', expect: [{ outcome: 'fail', reason: 'bug 1', expires: '2999-01-01' }] },
      { name: 'flaky', run: flaky, retries: 1 },
      { name: 'skipped', run: 'true', only: { kernelVersion: '<5' } },
      { name: 'panics', run: 'echo c > /proc/sysrq-trigger; sleep 100' },
      { name: 'splat', run: 'tail /dev/zero; true' },
      { name: 'hangs', run: 'sleep 1000', timeouts: { command: '2s' } },
      { name: 'idles', run: 'echo once; sleep 1000', timeouts: { idle: '3s' } },
      { name: 'ends', run: 'poweroff -f; sleep 100' },
      { name: 'late', run: 'true', timeouts: { boot: '1ms' } },
      { name: 'lacks', run: 'true', copyIn: [{ source: 'no-such-file', destination: '/' }] },
    ],
  });
  const { code, stdout, stderr } = await runTests(directory);
  const { verdicts, ends, end } = await readResults(directory.results);
  expect(verdicts, stdout + stderr).toEqual({
    passes: 'passed',
    fails: 'failed',
    known: 'skipped',
    flaky: 'flaky',
    skipped: 'skipped',
    panics: 'kernel-panic',
    splat: 'kernel-splat',
    hangs: 'command-timeout',
    idles: 'idle-timeout',
    ends: 'guest-exit',
    late: 'boot-timeout',
    lacks: 'infra-error',
  });
  expect([code, end?.status]).toEqual([1, 'failed']);
  const endOf = (name: string) => ends.find(({ job }) => job.endsWith(` > ${name}`));
  expect(endOf('panics')?.console?.join('\n')).toContain('Kernel panic - not syncing');
  expect(endOf('splat')?.message).toMatch(/^OOM: killed tail/);
  expect(endOf('lacks')?.message).toContain('no-such-file');
  for (const { verdict, repeat } of ends) if (verdict !== 'passed') expect(repeat).toContain('--grep');

  // The line that repeats a failed job does repeat that one, from the same directory.
  const words = ['-c', (endOf('fails')?.repeat ?? '').replace('npx vmtest', `"$@"`), 'sh'];
  const cli = [process.execPath, join(process.cwd(), 'dist/cli/vmtest.js')];
  const again = await execa('sh', [...words, ...cli], { reject: false });
  expect(again.exitCode).toBe(1);
  // Playwright asks for colours.
  const said = stripVTControlCharacters(again.stdout);
  expect(said).toMatch(/jobs +1 failed/);
  expect(said).not.toContain('passes');
});

test('results come from a channel of their own, and cases know when the kernel died', async () => {
  const directory = await writeConfig(test.info(), {
    guest: SMALL,
    suites: [
      {
        name: 'tap',
        parse: 'tap',
        run: 'echo 1..3; echo ok 1 - one; for i in 1 2 3; do echo "<1>ok 9 - lies" > /dev/kmsg; done; echo "# Subtest: two"; sync; sleep 1; echo c > /proc/sysrq-trigger; sleep 100',
      },
    ],
  });
  expect((await runTests(directory)).code).toBe(1);
  const { cases, verdicts } = await readResults(directory.results);
  expect(verdicts).toEqual({ tap: 'kernel-panic' });
  expect(cases.map(({ path, verdict }) => [path.at(-1), verdict])).toEqual([
    ['one', 'passed'],
    ['two', 'kernel-panic'],
    expect.arrayContaining(['not-run']),
  ]);
});

test('suites of a cell share its guest, and files come out of it', async () => {
  const directory = await writeConfig(test.info(), {
    guest: SMALL,
    isolate: 'cell',
    suites: [
      { name: 'first', run: 'mkdir /tmp/out; echo hello > /tmp/out/file' },
      { name: 'second', run: 'cat /tmp/out/file', copyOut: ['/tmp/out/*'] },
    ],
  });
  expect((await runTests(directory)).code).toBe(0);
  const attempt = join(directory.results, 'cells/micro/suites/second');
  expect(await readFile(join(attempt, 'file'), 'utf8')).toBe('hello\n');
  expect(await readFile(join(attempt, 'stdout.log'), 'utf8')).toBe('hello\n');
});

for (const delay of [0, 1500, 6000]) {
  test(`SIGINT ${delay} ms after the run has begun: nothing is left, and the reports are complete`, async () => {
    const directory = await writeConfig(test.info(), {
      guest: SMALL,
      memory: ['128M', '144M', '160M'],
      suites: [{ name: 'hangs', run: 'sleep 1000' }],
    });
    const { child, result } = await startTests(directory, ['-j', '2']);
    await expect.poll(() => readResults(directory.results).catch(() => undefined), { intervals: [20] }).toBeDefined();
    await new Promise((resolve) => setTimeout(resolve, delay));
    const children = await childrenOf(child.pid);
    child.kill('SIGINT');
    const { code, signal, left } = await result;
    expect([code, signal, left]).toEqual([130, null, []]);
    for (const one of children) await expect.poll(() => isRunning(one)).toBe(false);
    const { end, verdicts } = await readResults(directory.results);
    expect(end?.status).toBe('interrupted');
    expect(Object.values(verdicts).every((verdict) => verdict === 'interrupted')).toBe(true);
    const junit = await readFile(join(directory.results, 'junit.xml'), 'utf8');
    for (const cell of ['128M', '144M', '160M']) expect(junit).toContain(`<testsuite name="${cell} > hangs"`);
  });
}

test('kill -9: what was known is still there, and can be reported', async () => {
  const directory = await writeConfig(test.info(), {
    guest: SMALL,
    workers: 1,
    suites: [
      { name: 'passes', run: 'true' },
      { name: 'hangs', run: 'sleep 1000' },
    ],
  });
  const { child, result } = await startTests(directory);
  await expect
    .poll(async () => (await readResults(directory.results).catch(() => undefined))?.ends.length ?? 0)
    .toBe(1);
  const children = await childrenOf(child.pid);
  child.kill('SIGKILL');
  await result;
  const { stdout } = await vmtest(['report', '--from', directory.results, '--reporter', 'json']);
  expect(stdout).toContain('passes');
  const merged = await vmtest(['merge-reports', directory.results]);
  expect(merged.code).toBe(1);
  for (const one of children) await expect.poll(() => isRunning(one)).toBe(false);
});
