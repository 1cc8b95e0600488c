/**
 * What this machine has for guests: its CPUs and the memory that is free, within the limits of the control groups that
 * this process is in (Linux, Documentation/admin-guide/cgroup-v2.rst; cgroup-v1/memory.rst).
 */
import { readFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import type { Resources } from './slots.js';

/** What is left to the host: this process, page cache of images. MiB. */
const RESERVED_MIB = 256;
const MIB = 2 ** 20;
/** Version 1 says "no limit" as the greatest number of pages, in bytes. */
const NO_LIMIT = 2 ** 62;

/** What is known of the host; `Infinity` where nothing is, or nothing limits. */
export interface HostLimits {
  /** Memory that is free, bytes. */
  available: number;
  /** The least memory that one of the control groups has left, bytes. */
  groups: number;
  /** CPUs of the control groups, perhaps a fraction. */
  cpus: number;
  /** Processes and threads that the control groups allow. */
  pids: number;
}

/** `root`: where /proc and /sys are. */
export async function hostLimits(root = '/'): Promise<HostLimits> {
  const read = async (path: string): Promise<string> => readFile(join(root, path), 'utf8').catch(() => '');
  const paths = await groupPaths(read);
  const [available, groups, cpus, pids] = await Promise.all([
    memAvailable(read),
    memoryLeft(read, paths),
    cpuQuota(read, paths),
    pidsLimit(read, paths),
  ]);
  return { available, groups, cpus, pids };
}

/** `root`: where /proc and /sys are. */
export async function hostBudget(root = '/'): Promise<Resources> {
  return budgetOf(await hostLimits(root));
}

/** `cpus`: those of the machine. */
export function budgetOf(limits: HostLimits, cpus = availableParallelism()): Resources {
  return {
    cpus: Math.max(1, Math.min(cpus, Math.floor(limits.cpus))),
    memory: Math.max(0, Math.floor(Math.min(limits.available, limits.groups) / MIB) - RESERVED_MIB),
  };
}

type Read = (path: string) => Promise<string>;

/** proc(5): kB. Where there is no such file, nothing is known, and nothing limited. */
async function memAvailable(read: Read): Promise<number> {
  const kib = /^MemAvailable:\s+(\d+) kB$/m.exec(await read('proc/meminfo'))?.[1];
  return kib === undefined ? Number.POSITIVE_INFINITY : Number(kib) * 1024;
}

interface GroupPaths {
  /** Directories below /sys/fs/cgroup, from the process's own group up to the root. */
  unified: string[];
  memory: string[];
  cpu: string[];
  pids: string[];
}

async function groupPaths(read: Read): Promise<GroupPaths> {
  const paths: GroupPaths = { unified: ['sys/fs/cgroup'], memory: [], cpu: [], pids: [] };
  for (const line of (await read('proc/self/cgroup')).split('\n')) {
    const [, controllers, path] = /^\d+:([^:]*):(\/.*)$/.exec(line) ?? [];
    if (controllers === undefined || path === undefined) continue;
    if (controllers === '') paths.unified = upwards('sys/fs/cgroup', path);
    const names = controllers.split(',');
    if (names.includes('memory')) paths.memory = upwards('sys/fs/cgroup/memory', path);
    if (names.includes('pids')) paths.pids = upwards('sys/fs/cgroup/pids', path);
    if (names.includes('cpu')) paths.cpu = upwards(`sys/fs/cgroup/${controllers}`, path);
  }
  return paths;
}

/** In a container the path may be that of the host, and what is there begins further down: the root is always looked at. */
function upwards(base: string, path: string): string[] {
  const parts = path.split('/').filter((part) => part !== '');
  return parts
    .reduceRight<string[]>((found, _, index) => {
      found.push(join(base, ...parts.slice(0, index + 1)));
      return found;
    }, [])
    .concat(base);
}

/** The least that one of the groups has left. Page cache of its files counts as used there, and can be given back. */
async function memoryLeft(read: Read, groups: GroupPaths): Promise<number> {
  const left = async (limit: string, used: string, stat: string): Promise<number> => {
    const most = Number((await read(limit)).trim() || 'none');
    if (!(most < NO_LIMIT)) return Number.POSITIVE_INFINITY;
    const cache = Number(/^(?:inactive_file|total_inactive_file) (\d+)$/m.exec(await read(stat))?.[1] ?? 0);
    return Math.max(0, most - Number((await read(used)).trim() || 0) + cache);
  };
  const all = await Promise.all([
    ...groups.unified.map((path) => left(`${path}/memory.max`, `${path}/memory.current`, `${path}/memory.stat`)),
    ...groups.memory.map((path) =>
      left(`${path}/memory.limit_in_bytes`, `${path}/memory.usage_in_bytes`, `${path}/memory.stat`),
    ),
  ]);
  return Math.min(...all, Number.POSITIVE_INFINITY);
}

/** CPUs, perhaps a fraction. */
async function cpuQuota(read: Read, groups: GroupPaths): Promise<number> {
  const ratio = (quota: string | undefined, period: string | undefined): number => {
    const value = Number(quota ?? 'none') / Number(period ?? 'none');
    return Number.isFinite(value) && value > 0 ? value : Number.POSITIVE_INFINITY;
  };
  const all = await Promise.all([
    ...groups.unified.map(async (path) => {
      const [quota, period] = (await read(`${path}/cpu.max`)).trim().split(' ');
      return ratio(quota, period);
    }),
    ...groups.cpu.map(async (path) => {
      return ratio((await read(`${path}/cpu.cfs_quota_us`)).trim(), (await read(`${path}/cpu.cfs_period_us`)).trim());
    }),
  ]);
  return Math.max(1, Math.min(...all, Number.POSITIVE_INFINITY));
}

/** cgroup-v1/pids.rst; version 2 has the same file. */
async function pidsLimit(read: Read, groups: GroupPaths): Promise<number> {
  const all = await Promise.all(
    [...groups.unified, ...groups.pids].map(async (path) => {
      const most = Number((await read(`${path}/pids.max`)).trim() || 'none');
      return Number.isFinite(most) ? most : Number.POSITIVE_INFINITY;
    }),
  );
  return Math.min(...all, Number.POSITIVE_INFINITY);
}
