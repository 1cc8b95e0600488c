/** The fixtures and matchers that others write their tests with. */
import { expect, test } from '../fixtures/index.js';

test.use({ guest: { memoryMib: 256 } });

test('a guest for the test: commands, files, its console', async ({ vm }) => {
  const result = await vm.run('uname -s; echo oh >&2');
  expect(result).toSucceed();
  expect(result).toHavePrinted('Linux');
  expect(result).not.toHavePrinted(/Windows/);
  expect(result.stderr).toBe('oh\n');
  expect(await vm.run(['false'])).toExitWith(1);
  expect(await vm.run('kill -9 $$')).toExitWith(137);
  await vm.run('echo "hello there" > /dev/kmsg');
  await expect(vm).toHavePrinted(/hello there/);
  await expect(vm).toHaveNoSplats();
});

test('several guests in one test', async ({ bootVm }) => {
  const [first, second] = [await bootVm(), await bootVm({ memoryMib: 128 })];
  const memory = async (vm: typeof first) =>
    Number(/MemTotal: +(\d+)/.exec((await vm.run('cat /proc/meminfo')).stdout)?.[1]);
  expect(await memory(first)).toBeGreaterThan(2 * (await memory(second)) - 40_000);
  expect(first.pid).not.toBe(second.pid);
});

test.describe('a guest that tests share', () => {
  test.describe.configure({ mode: 'serial' });
  test('keeps what the first one left', async ({ cellVm }) => {
    expect(await cellVm.run('echo first > /tmp/who')).toSucceed();
  });
  test('for the second one', async ({ cellVm }) => {
    expect((await cellVm.run('cat /tmp/who')).stdout).toBe('first\n');
  });
});

test('a matcher that fails says what the command wrote', async ({ vm }) => {
  const result = await vm.run('echo some words; echo other words >&2; exit 3');
  const failure = (() => {
    try {
      expect(result).toSucceed();
    } catch (error) {
      return (error as Error).message;
    }
    return '';
  })();
  expect(failure).toContain('it ended with 3');
  expect(failure).toContain('| some words');
  expect(failure).toContain('| other words');
});

test.describe('a fault of the kernel', () => {
  test.use({ failOnFaults: false });
  test('is seen by the matcher', async ({ vm }) => {
    await vm.run('echo "WARNING: CPU: 0 PID: 7 at kernel/foo.c:12 foo+0x10/0x20" > /dev/kmsg');
    await expect(vm).not.toHaveNoSplats();
    expect((await vm.faults())[0]).toMatchObject({ title: 'WARNING in foo' });
  });
});

test('a fault of the kernel fails a test that passed', async ({ vm }) => {
  test.fail();
  await vm.run('echo "WARNING: CPU: 0 PID: 7 at kernel/foo.c:12 foo+0x10/0x20" > /dev/kmsg');
});
