/** The container that this process may be in, with its limits, and the clock. */
import { execFile } from 'node:child_process';
import { statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { exists } from '../images/cache.js';
import type { HostLimits } from '../schedule/host-budget.js';
import type { ClockFacts, ContainerFacts } from './facts.js';
import { seccompOf } from './proc.js';
import { type Read, wholeMib } from './read.js';

interface Options {
  read: Read;
  root: string;
  env: NodeJS.ProcessEnv;
  vmm: string;
  limits: HostLimits;
  signal: AbortSignal;
}

const finite = (value: number): number | null => (Number.isFinite(value) ? value : null);

export async function gatherContainer(options: Options): Promise<ContainerFacts> {
  const { read, root, vmm, limits, signal } = options;
  const [kind, status, shm, memfd] = await Promise.all([
    containerKind(options),
    read('proc/self/status'),
    statfs(join(root, 'dev/shm')).catch(() => null),
    memfdWorks(vmm, signal),
  ]);
  return {
    kind,
    cpus: finite(limits.cpus),
    pids: finite(limits.pids),
    seccomp: seccompOf(status),
    shmMib: shm === null ? null : wholeMib(shm.blocks * shm.bsize),
    memfd,
  };
}

/** What container engines leave for those inside; systemd's container interface has the variable. */
async function containerKind({ read, root, env }: Options): Promise<string | null> {
  const named = env['container'] || (await read('run/systemd/container')).trim();
  if (isName(named)) return named;
  if (await exists(join(root, 'run/.containerenv'))) return 'podman';
  if (await exists(join(root, '.dockerenv'))) return 'docker';
  return null;
}

/** Milliseconds; a system call is asked for. */
const MEMFD_LIMIT_MS = 10_000;

/** Node cannot ask, `vmtest-vmm` can. */
function memfdWorks(vmm: string, signal: AbortSignal): Promise<boolean | null> {
  return new Promise((resolve) => {
    execFile(vmm, ['--probe-memfd'], { timeout: MEMFD_LIMIT_MS, killSignal: 'SIGKILL', signal }, (_, stdout) => {
      const answer = stdout.trim();
      resolve(answer === 'works' ? true : answer === 'refused' ? false : null);
    });
  });
}

const isName = (text: string): boolean => /^[\w.-]{1,64}$/.test(text);

const CLOCK = 'sys/devices/system/clocksource/clocksource0';

export async function gatherClock(read: Read): Promise<ClockFacts> {
  const [current, available] = await Promise.all([
    read(`${CLOCK}/current_clocksource`),
    read(`${CLOCK}/available_clocksource`),
  ]);
  return {
    source: isName(current.trim()) ? current.trim() : null,
    available: available.split(/\s+/).filter(isName),
    now: Date.now(),
  };
}
