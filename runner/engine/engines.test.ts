import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { hostArchitecture } from '../images/kernels/architecture.js';
import { createEngines } from './engines.js';

const host = hostArchitecture();
const other = host === 'x86_64' ? 'aarch64' : 'x86_64';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'vmtest-engines-'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

/** A program that notes each of its runs and prints this, for `--tsc-khz` a rate. */
async function program(name: string, output: string): Promise<string> {
  const path = join(directory, name);
  const answer = `case $1 in --tsc-khz) echo 2300000 ;; *) printf '%s\\n' '${output}' ;; esac`;
  await writeFile(path, `#!/bin/sh\necho "$1" >> ${directory}/${name}.runs\n${answer}\n`);
  await chmod(path, 0o755);
  return path;
}
const runsOf = async (name: string): Promise<string[]> =>
  (await readFile(join(directory, `${name}.runs`), 'utf8').catch(() => '')).split('\n').filter((line) => line !== '');

async function environment(status: string, qemu?: string): Promise<NodeJS.ProcessEnv> {
  const probe = `{"status":"${status}","message":"m","hint":"h"}`;
  return {
    PATH: '/nowhere:/usr/bin:/bin',
    VMTEST_VMM: await program('vmm', probe),
    VMTEST_CACHE: join(directory, 'cache'),
    VMTEST_QEMU_X86_64: qemu ?? join(directory, 'none'),
    VMTEST_QEMU_AARCH64: qemu ?? join(directory, 'none'),
  };
}

describe('createEngines', () => {
  it('asks KVM once for all guests of a run', async () => {
    const engines = createEngines({ env: await environment('usable') });
    const found = await Promise.all([
      engines.for('auto', host),
      engines.for('native', host),
      engines.for('auto', host),
    ]);
    expect(found.map(({ engine, timeScale }) => [engine, timeScale])).toEqual(Array(3).fill(['native', 1]));
    expect(await runsOf('vmm')).toEqual(['--probe-kvm']);
  });

  it('does not ask KVM for what KVM cannot serve', async () => {
    const qemu = await program('qemu', 'QEMU emulator version 8.2.1');
    const engines = createEngines({ env: await environment('usable', qemu) });
    expect(await engines.for('auto', other)).toMatchObject({
      engine: 'qemu',
      timeScale: 20,
      timeScaleIsMeasured: false,
    });
    expect(await runsOf('vmm')).toEqual([]);
  });

  it('tells both reasons where no engine can serve the guest', async () => {
    const engines = createEngines({ env: await environment('denied') });
    await expect(engines.for('auto', host)).rejects.toMatchObject({
      code: 'VMTEST_NO_ENGINE',
      message: expect.stringMatching(/KVM is not usable here \(denied.*\(h\), and VMTEST_QEMU_\w+ names/),
    });
    await expect(engines.for('qemu', host)).rejects.toMatchObject({ code: 'VMTEST_QEMU_MISSING' });
    await expect(engines.for('native', host)).rejects.toMatchObject({ code: 'VMTEST_NO_KVM' });
    await expect(engines.for('native', other)).rejects.toMatchObject({ code: 'VMTEST_ENGINE' });
  });

  it('refuses a QEMU that is too old', async () => {
    const qemu = await program('qemu', 'QEMU emulator version 6.2.0');
    const engines = createEngines({ env: await environment('absent', qemu) });
    await expect(engines.for('qemu', other)).rejects.toMatchObject({ code: 'VMTEST_QEMU_TOO_OLD' });
    await expect(engines.for('auto', host)).rejects.toMatchObject({ code: 'VMTEST_NO_ENGINE' });
  });

  it('asks again after a question that was cancelled', async () => {
    const engines = createEngines({ env: await environment('usable') });
    await expect(engines.for('auto', host, { signal: AbortSignal.abort(new Error('enough')) })).rejects.toThrow();
    expect(await engines.for('auto', host)).toMatchObject({ engine: 'native' });
  });
});
