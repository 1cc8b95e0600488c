import { chmod, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AgentClient } from '../../agent/index.js';
import { knownSlowdown, measureSlowdown } from './slowdown.js';

const key = { arch: 'x86_64', version: { major: 7, minor: 2, micro: 9 } } as const;
const ASSUMED = { factor: 20, measured: false };

let directory: string;
let env: NodeJS.ProcessEnv;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'vmtest-slowdown-'));
  const agent = join(directory, 'agent');
  // The host does the work in 10, 9 and 11 ms.
  await writeFile(
    agent,
    `#!/bin/sh\necho x >> ${directory}/runs\ncase $(wc -l < ${directory}/runs) in 2) echo 9000000;; 1) echo 10000000;; *) echo 11000000;; esac\n`,
  );
  await chmod(agent, 0o755);
  env = { ...process.env, VMTEST_AGENT: agent, VMTEST_CACHE: join(directory, 'cache') };
});
afterEach(() => rm(directory, { recursive: true, force: true }));

/** An agent that does the work in these times, milliseconds. */
function agentOf(times: number[]): AgentClient {
  const agent = new AgentClient({ connect: () => Promise.reject(new Error('not wanted')) });
  agent.measure = async () => times.shift() ?? 1000;
  return agent;
}

describe('the slowdown of guests', () => {
  it('is assumed until one was measured, and kept then', async () => {
    expect(await knownSlowdown(key, env)).toEqual(ASSUMED);
    expect(await measureSlowdown(agentOf([120, 90, 100]), key, { env })).toBe(10);
    expect(await knownSlowdown(key, env)).toEqual({ factor: 10, measured: true });
  });

  it('is that of one QEMU and one architecture', async () => {
    await measureSlowdown(agentOf([90]), key, { env });
    expect(await knownSlowdown({ ...key, arch: 'aarch64' }, env)).toEqual(ASSUMED);
    expect(await knownSlowdown({ ...key, version: { major: 8, minor: 0, micro: 0 } }, env)).toEqual(ASSUMED);
  });

  it('is never less than one', async () => {
    expect(await measureSlowdown(agentOf([1, 1, 1]), key, { env })).toBe(1);
  });

  it('is assumed where the cache has nonsense', async () => {
    await measureSlowdown(agentOf([90]), key, { env });
    const kept = join(directory, 'cache/slowdown');
    const [entry = ''] = await readdir(kept);
    for (const nonsense of ['', 'fast', '-1', 'Infinity', '0.1']) {
      await writeFile(join(kept, entry, 'factor'), nonsense);
      expect(await knownSlowdown(key, env)).toEqual(ASSUMED);
    }
  });
});
