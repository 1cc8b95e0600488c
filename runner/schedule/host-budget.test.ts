import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { hostBudget, hostLimits } from './host-budget.js';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'vmtest-budget-'));
});
afterEach(() => rm(root, { recursive: true, force: true }));

async function host(files: Record<string, string>): Promise<void> {
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), `${text}\n`);
  }
}

const MEMINFO = 'MemTotal:  16777216 kB\nMemFree:  10 kB\nMemAvailable:    8388608 kB';
const MIB = 2 ** 20;

test('the memory that is available, less what is left to the host', async () => {
  await host({ 'proc/meminfo': MEMINFO });
  expect(await hostBudget(root)).toEqual({ cpus: availableParallelism(), memory: 8192 - 256 });
});

test('the limits of a container: version 2, of the group itself or of one above', async () => {
  await host({
    'proc/meminfo': MEMINFO,
    'proc/self/cgroup': '0::/a/b',
    'sys/fs/cgroup/a/memory.max': `${2048 * MIB}`,
    'sys/fs/cgroup/a/memory.current': `${1024 * MIB}`,
    'sys/fs/cgroup/a/memory.stat': `anon 5\ninactive_file ${512 * MIB}`,
    'sys/fs/cgroup/a/b/memory.max': 'max',
    'sys/fs/cgroup/a/b/cpu.max': '150000 100000',
    'sys/fs/cgroup/a/cpu.max': 'max 100000',
  });
  expect(await hostBudget(root)).toEqual({ cpus: 1, memory: 1536 - 256 });
});

test('the limits of a container: version 1, seen from inside', async () => {
  await host({
    'proc/meminfo': MEMINFO,
    'proc/self/cgroup': '5:cpu,cpuacct:/docker/x\n4:memory:/docker/x\n1:name=systemd:/',
    'sys/fs/cgroup/memory/memory.limit_in_bytes': `${1024 * MIB}`,
    'sys/fs/cgroup/memory/memory.usage_in_bytes': `${100 * MIB}`,
    'sys/fs/cgroup/memory/memory.stat': 'cache 1',
    'sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us': '-1',
    'sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us': '100000',
  });
  expect(await hostBudget(root)).toEqual({ cpus: availableParallelism(), memory: 924 - 256 });
});

test('the greatest number of version 1 is no limit', async () => {
  await host({
    'proc/self/cgroup': '4:memory:/',
    'sys/fs/cgroup/memory/memory.limit_in_bytes': '9223372036854771712',
    'sys/fs/cgroup/memory/memory.usage_in_bytes': `${100 * MIB}`,
  });
  expect((await hostLimits(root)).groups).toBe(Number.POSITIVE_INFINITY);
});

test('a full machine has none, and never less; nothing known is nothing limited', async () => {
  expect((await hostBudget(root)).memory).toBe(Number.POSITIVE_INFINITY);
  await host({ 'proc/meminfo': 'MemAvailable: 100 kB' });
  expect((await hostBudget(root)).memory).toBe(0);
});

test('the processes that control groups allow, of either version', async () => {
  expect((await hostLimits(root)).pids).toBe(Number.POSITIVE_INFINITY);
  await host({
    'proc/self/cgroup': '0::/a\n8:pids:/docker/x',
    'sys/fs/cgroup/a/pids.max': '512',
    'sys/fs/cgroup/pids/pids.max': 'max',
  });
  expect((await hostLimits(root)).pids).toBe(512);
  await host({ 'sys/fs/cgroup/pids/docker/x/pids.max': '64' });
  expect((await hostLimits(root)).pids).toBe(64);
});
