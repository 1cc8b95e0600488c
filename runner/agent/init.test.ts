/** The agent as PID 1: of namespaces of its own, which is what the kernel allows without a guest. */
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmod, copyFile, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { AGENT_PATH, isRoot, startAgent, type TestAgent } from './testing/agent-fixture.js';

const BUSYBOX = '/bin/busybox';
const runs = (program: string, ...args: string[]): boolean => spawnSync(program, args).status === 0;
const isStatic = (path: string): boolean => spawnSync('ldd', [path]).status !== 0;
// Needs the right to make namespaces, a shell that needs no libraries, and an agent that needs none (not the
// sanitizers' build).
const possible =
  isRoot && runs('unshare', '--mount', '--pid', '--fork', 'true') && runs(BUSYBOX) && isStatic(AGENT_PATH);

describe.runIf(possible)('the agent as PID 1', () => {
  let root: string;
  let agent: TestAgent;
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'vmtest-init-'));
    await mkdir(join(root, 'bin'));
    await mkdir(join(root, 'vmtest'));
    await copyFile(AGENT_PATH, join(root, 'init'));
    await chmod(join(root, 'init'), 0o755);
    await copyFile(BUSYBOX, join(root, 'bin/busybox'));
    for (const name of ['sh', 'cat', 'sleep', 'hostname', 'ip', 'kill', 'env', 'ls', 'mount']) {
      await symlink('busybox', join(root, 'bin', name));
    }
    await writeFile(join(root, 'vmtest/modules.list'), '# none of these is there\n/lib/first.ko\n\n/lib/second.ko\n');
    agent = await startAgent({ initIn: root });
  });
  afterEach(async () => {
    await agent[Symbol.asyncDispose]();
    await rm(root, { recursive: true, force: true });
  });
  const sh = async (script: string) => (await agent.client.exec(['sh', '-c', script]).result).stdout;

  test('says who it is and what failed', () => {
    expect(agent.hello).toMatchObject({
      role: 'init',
      protocol: 2,
      failedModules: [
        { path: '/lib/first.ko', osError: 2 },
        { path: '/lib/second.ko', osError: 2 },
      ],
    });
  });

  test('makes a system: file systems, host name, loopback, environment', async () => {
    const mounts = await sh('cat /proc/mounts');
    for (const point of ['/proc', '/sys', '/dev', '/dev/pts', '/dev/shm', '/run', '/tmp']) {
      expect(mounts).toContain(` ${point} `);
    }
    expect(await sh('hostname')).toBe('vmtest\n');
    expect(await sh('ip -o link show lo')).toMatch(/[<,]UP[,>]/);
    expect(
      (await sh('env'))
        .split('\n')
        .filter((line) => line !== '' && !/^(PWD|SHLVL|_)=/.test(line))
        .sort(),
    ).toEqual([
      'HOME=/root',
      'LOGNAME=root',
      'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
      'TERM=linux',
      'USER=root',
    ]);
    const terminal = await agent.client.exec(['sh', '-c', 'echo $0 > /dev/tty'], { pty: { rows: 24, cols: 80 } })
      .result;
    expect(terminal.exitCode).toBe(0);
  });

  test('reaps orphans', async () => {
    await sh('for i in 1 2 3 4 5; do (sleep 0 &) ; done');
    const children = async () => (await readFile(`/proc/${agent.pid}/task/${agent.pid}/children`, 'utf8')).trim();
    const init = await children();
    const left = () => readFile(`/proc/${init}/task/${init}/children`, 'utf8');
    await expect.poll(left).toBe('');
  });

  test.each(['powerOff', 'reboot', 'halt'] as const)('%s ends it', async (action) => {
    const over = once(agent.process, 'exit');
    await agent.client[action]();
    await over;
  });

  test('survives what would end a process, and its host', async () => {
    await sh('kill -INT 1; kill -HUP 1; kill -PIPE 1; kill -KILL 1');
    agent.ready.destroy();
    agent.ready = await agent.nextDial();
    expect((await agent.client.waitReady(agent.ready)).role).toBe('init');
    await agent.client.ping();
  });
});
