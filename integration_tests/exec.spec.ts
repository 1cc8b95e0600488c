/** Many commands in one guest. */
import { expect, test } from '../fixtures/index.js';
import { sh } from './support/exec.js';

test('200 commands, 20 at a time, each with its own answer', { tag: '@smp' }, async ({ bootVm }) => {
  const machine = await bootVm({ cpus: 2 });
  const numbers = Array.from({ length: 200 }, (_, index) => index);
  const queue = numbers.values();
  const answers = new Map<number, string>();
  const worker = async (): Promise<void> => {
    for (const number of queue) {
      const script = `cat; echo out-${number}; echo err-${number} >&2; exit ${number % 100}`;
      const { exitCode, stdout, stderr } = await sh(machine, script, `in-${number}\n`);
      answers.set(number, `${stdout}|${stderr}|${exitCode}`);
    }
  };
  await Promise.all(Array.from({ length: 20 }, worker));
  for (const number of numbers) {
    expect(answers.get(number)).toBe(`in-${number}\nout-${number}\n|err-${number}\n|${number % 100}`);
  }
  // Whatever the commands left is gone: no zombies, and the agent holds no more than before.
  const { stdout } = await sh(machine, "grep -l '^State:.Z' /proc/[0-9]*/status 2>/dev/null | wc -l");
  expect(stdout).toBe('0\n');
});

test('two guests at once know nothing of each other', async ({ bootVm }) => {
  const first = await bootVm();
  const second = await bootVm();
  await sh(first, 'echo first > /tmp/who');
  await sh(second, 'echo second > /tmp/who');
  expect((await sh(first, 'cat /tmp/who')).stdout).toBe('first\n');
  expect((await sh(second, 'cat /tmp/who')).stdout).toBe('second\n');
});
