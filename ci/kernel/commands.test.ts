import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { execute } from './commands.mjs';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'vmtest-commands-'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

const shop = (signal = new AbortController().signal) => ({ directory, log: join(directory, 'log'), signal });

it('runs a command in the folder, with what it prints in the log', async () => {
  await execute(shop(), ['sh', '-c', 'pwd; echo $KBUILD_BUILD_HOST >&2']);
  expect(await readFile(join(directory, 'log'), 'utf8')).toBe(`${directory}\nvmtest\n`);
});

it('says how a command ended that failed, and what it printed last', async () => {
  const failed = execute(shop(), ['sh', '-c', 'seq 1 99; exit 3']);
  await expect(failed).rejects.toThrow(/^sh -c seq 1 99; exit 3 ended with 3:\n {2}\| 70\n(.*\n)+ {2}\| 99$/);
});

it('ends a command, with those that it started, when asked to', async () => {
  const controller = new AbortController();
  const pipe = join(directory, 'pipe');
  const script = `mkfifo ${pipe}; trap '' EXIT; sleep 1000 & echo $! > ${pipe}; wait`;
  const running = execute(shop(controller.signal), ['sh', '-c', script]);
  const refused = expect(running).rejects.toThrow('late');
  while (!existsSync(pipe)) await new Promise(setImmediate);
  const pid = (await readFile(pipe, 'utf8')).trim();
  controller.abort(new Error('late'));
  await refused;
  // An orphan is taken by PID 1, or is its zombie: either way it does not sleep.
  const state = async () => (await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => 'none) Z')).split(') ')[1]?.[0];
  while ((await state()) !== 'Z') await new Promise(setImmediate);
});

it('does not begin when it is too late', async () => {
  await expect(execute(shop(AbortSignal.abort(new Error('late'))), ['sh', '-c', 'exit'])).rejects.toThrow('late');
});
