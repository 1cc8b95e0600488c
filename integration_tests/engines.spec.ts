/** What the QEMU engine promises besides what every other spec asks of it: the other architecture, and ends that nobody wanted. */
import { cp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from '@playwright/test';
import { boot } from '../runner/index.js';
import { runInGuest, startVmtest, vmtest } from './support/cli.js';
import { childrenOf, isRunning, listProcesses, vmmsOf } from './support/processes.js';

const QUICKSTART = fileURLToPath(new URL('../examples/quickstart', import.meta.url));
const OTHER = process.arch === 'arm64' ? 'x86_64' : 'aarch64';
const qemu = { tag: '@qemu' };

test('a guest of the other architecture, and why it is emulated', qemu, async () => {
  const result = await vmtest(['run', '--engine', 'auto', '--arch', OTHER, '--', 'uname', '-m']);
  expect(result).toMatchObject({ code: 0, stdout: `${OTHER}\n`, left: [] });
  expect(result.stderr).toMatch(
    /^vmtest: engine qemu for \w+: the guest is \w+, this machine \w+; [\d.]+ times slower/,
  );
});

test('one JUnit file with both architectures', qemu, async () => {
  const directory = test.info().outputPath('quickstart');
  await cp(QUICKSTART, directory, { recursive: true });
  const config = join(directory, 'vmtest.config.ts');
  const text = await readFile(config, 'utf8');
  await writeFile(config, text.replace("images: ['micro'],", "images: ['micro'],\n  arch: ['x86_64', 'aarch64'],"));
  const result = await vmtest(['test', '--engine', 'qemu', '--config', directory, '--output', join(directory, 'out')]);
  expect(result).toMatchObject({ code: 0, left: [] });
  expect(result.stdout.match(/^engine qemu for/gm)).toHaveLength(2);
  const junit = await readFile(join(directory, 'out/junit.xml'), 'utf8');
  for (const arch of ['x86_64', 'aarch64']) {
    expect(junit.split(`<property name="arch" value="${arch}"/>`)).toHaveLength(4);
  }
});

test('eight guests at once all finish', qemu, async () => {
  const guests = Array.from({ length: 8 }, async (_, index) => {
    await using machine = await boot({ engine: 'qemu', memoryMib: 256 });
    const { stdout } = await machine.exec(['sh', '-c', `sleep 1; echo ${index}`]).result;
    expect((await machine.powerOff()).end).toEqual({ kind: 'poweroff' });
    return stdout;
  });
  expect(await Promise.all(guests)).toEqual(Array.from({ length: 8 }, (_, index) => `${index}\n`));
});

test('the clock of a guest goes as fast as that of its host', qemu, async () => {
  await using machine = await boot({ engine: 'qemu' });
  const uptime = async (): Promise<number> =>
    Number((await machine.exec(['cat', '/proc/uptime']).result).stdout.split(' ')[0]);
  // The clock of the guest was read between the two readings of the host's, however slow the machine is just now.
  const uptimeBetween = async (): Promise<[asked: number, guest: number, answered: number]> => {
    const asked = performance.now();
    return [asked / 1000, await uptime(), performance.now() / 1000];
  };
  const [asked, before, answered] = await uptimeBetween();
  await machine.exec(['sleep', '3']).result;
  const [askedAgain, after, answeredAgain] = await uptimeBetween();
  // A rate that is wrong at all is wrong by a half or more.
  expect(after - before).toBeGreaterThan(0.9 * (askedAgain - answered));
  expect(after - before).toBeLessThan(1.1 * (answeredAgain - asked));
});

for (const victim of ['vmtest-qemu', 'vmtest-vmm']) {
  test(`killed: ${victim}; the guest is over at once, and the message says why`, qemu, async () => {
    const run = await startVmtest(['run', '--engine', 'qemu', '--', 'sh', '-c', 'echo started; sleep 1000']);
    await new Promise((resolve) => run.child.stdout?.once('data', resolve));
    const children = await childrenOf(run.child.pid);
    const { pid = 0 } =
      (await listProcesses()).find(({ pid, name }) => children.includes(pid) && name === victim) ?? {};
    expect(pid).toBeGreaterThan(0);
    process.kill(pid, 'SIGKILL');
    const result = await run.result;
    expect(result).toMatchObject({ code: 125, left: [] });
    const who = victim === 'vmtest-qemu' ? 'QEMU' : victim;
    expect(result.stderr).toContain(`the guest ended while the command ran: ${who} was lost: `);
    for (const child of children) await expect.poll(() => isRunning(child)).toBe(false);
  });
}

test('killed at any moment of its start, nothing of a guest is left', qemu, async () => {
  for (let delay = 0; delay <= 1200; delay += 150) {
    const run = await startVmtest(['run', '--engine', 'qemu', '--', 'true']);
    await new Promise((resolve) => setTimeout(resolve, delay));
    const children = await childrenOf(run.child.pid);
    run.child.kill('SIGKILL');
    expect(await run.result).toMatchObject({ left: [] });
    for (const child of children) await expect.poll(() => isRunning(child)).toBe(false);
    // One that only measures the clock ends by itself, a moment later.
    await expect.poll(() => vmmsOf(1)).toEqual([]);
  }
});

test('no engine: what is missing, and how it is had', qemu, async () => {
  const missing = await vmtest(['run', '--engine', 'qemu', '--', 'true'], { env: { VMTEST_QEMU_X86_64: '/nowhere' } });
  expect(missing).toMatchObject({ code: 125, left: [] });
  expect(missing.stderr).toContain('VMTEST_QEMU_X86_64 names /nowhere');
});

test('a disk that another guest writes to is refused', qemu, async () => {
  const disk = test.info().outputPath('disk');
  await writeFile(disk, Buffer.alloc(2 ** 20));
  await using first = await boot({ engine: 'qemu', disks: [{ path: disk, mode: 'rw' }] });
  const second = await runInGuest('true', ['--engine', 'qemu', '--disk', `${disk},rw`]);
  expect(second).toMatchObject({ code: 2, left: [] });
  expect(second.stderr).toContain(`disk ${disk}: another guest uses it`);
  await first.powerOff();
});

test('more memory than there is: one line', qemu, async () => {
  const result = await runInGuest('true', ['--engine', 'qemu', '--memory', '64G'], {
    wrapper: ['prlimit', '--as=20000000000', '--'],
  });
  expect(result).toMatchObject({ code: 2, left: [] });
  expect(result.stderr).toContain('memory of 65536 MiB: this machine cannot give so much');
});
