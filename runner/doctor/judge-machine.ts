/** CPU, memory, container and clock; pure. */
import { asRoot } from './advice.js';
import type { Facts } from './facts.js';
import { type Finding, finding } from './report.js';

export function judgeCpu({ cpu, machine, kvm }: Facts): Finding {
  const what = `${cpu.model ?? machine}, ${cpu.count} CPU${cpu.count === 1 ? '' : 's'}`;
  if (machine !== 'x86_64') return finding('cpu', 'note', `${what}; /proc/cpuinfo does not tell of virtualization`);
  const flag = cpu.flags.find((name) => name === 'vmx' || name === 'svm');
  if (flag !== undefined) return finding('cpu', 'ok', `${what}, virtualization extensions (${flag})`);
  const inside = cpu.flags.includes('hypervisor') ? '; this is a virtual machine itself' : '';
  const status = kvm.probe?.status === 'usable' ? 'ok' : 'note';
  return finding('cpu', status, `${what}, without virtualization extensions (vmx, svm)${inside}`);
}

/** What a guest has by default, and the least that Debian's kernels boot in. MiB. */
const DEFAULT_MIB = 512;
const LEAST_MIB = 128;

export const sizeText = (mib: number): string => (mib < 1024 ? `${mib} MiB` : `${(mib / 1024).toFixed(1)} GiB`);

export function judgeMemory({ memory, container }: Facts): Finding {
  const { availableMib, groupsMib, forGuestsMib, guestCpus } = memory;
  if (forGuestsMib === null)
    return finding('memory', 'note', 'neither /proc/meminfo nor a control group says how much');
  const limit = groupsMib === null ? 'no limit of a control group' : `${sizeText(groupsMib)} left in the control group`;
  const free = availableMib === null ? limit : `${sizeText(availableMib)} available, ${limit}`;
  const message = `${free}: guests get up to ${sizeText(forGuestsMib)} and ${guestCpus} CPU${guestCpus === 1 ? '' : 's'}`;
  const limited = container.kind !== null && groupsMib !== null && groupsMib < (availableMib ?? 0);
  const more = limited ? 'docker run --memory 4g' : 'end other programs';
  if (forGuestsMib < LEAST_MIB) return finding('memory', 'problem', message, more);
  if (forGuestsMib < DEFAULT_MIB) return finding('memory', 'warning', message, `vmtest run --memory ${LEAST_MIB}M`);
  return finding('memory', 'ok', message);
}

/** A guest is a process with a thread for each CPU, and a handful more; npm and Node take a few dozen. */
const FEW_PIDS = 256;

const SECCOMP = ['no filter of system calls (seccomp)', 'strict seccomp', 'system calls are filtered (seccomp)'];

export function judgeContainer({ container }: Facts): Finding[] {
  const { kind, cpus, pids, seccomp, shmMib, memfd } = container;
  const limits = [
    ...(cpus === null ? [] : [`${cpus} CPUs`]),
    ...(pids === null ? [] : [`${pids} processes`]),
    ...(seccomp === null ? [] : [SECCOMP[seccomp] ?? `seccomp ${seccomp}`]),
  ];
  const where = kind === null ? 'none' : kind;
  const message = limits.length === 0 ? where : `${where}; ${limits.join(', ')}`;
  const shm = shmMib === null ? 'no /dev/shm' : `/dev/shm has ${sizeText(shmMib)}`;
  return [
    pids !== null && pids < FEW_PIDS
      ? finding('container', 'warning', `${message}: few for guests`, 'docker run --pids-limit 4096')
      : finding('container', kind === null ? 'ok' : 'note', message),
    memfd === false
      ? finding(
          'memfd',
          'problem',
          'memfd_create is refused: guests under QEMU have their memory in such a file',
          'docker run --security-opt seccomp=unconfined',
        )
      : finding(
          'memfd',
          memfd === null ? 'note' : 'ok',
          `${shm} and is not needed: the memory of guests under QEMU is made by memfd_create${memfd === null ? '' : ', which works'}`,
        ),
  ];
}

/** Clock sources that are read without leaving the program. */
const FAST_CLOCKS = ['tsc', 'kvm-clock', 'hyperv_clocksource_tsc_page', 'arch_sys_counter', 'xen'];
/** vmtest is younger than the one, and certificates do not reach the other. Milliseconds since 1970. */
const TOO_EARLY = Date.UTC(2025, 0, 1);
const TOO_LATE = Date.UTC(2100, 0, 1);

export function judgeClock(facts: Facts): Finding[] {
  const { clock, cpu, machine } = facts;
  const date = new Date(clock.now);
  const shown = Number.isNaN(date.getTime()) ? 'not a time' : date.toISOString().slice(0, 19);
  const sane = clock.now > TOO_EARLY && clock.now < TOO_LATE;
  return [
    judgeSource(facts, machine === 'x86_64' ? tscText(cpu.flags, clock.available) : ''),
    sane
      ? finding('time', 'ok', `${shown} UTC`)
      : finding('time', 'problem', `${shown} UTC is not today: downloads are refused`, asRoot(facts, 'date --set=...')),
  ];
}

function judgeSource(facts: Facts, tsc: string): Finding {
  const { source } = facts.clock;
  if (source === null) return finding('clock', 'note', 'the kernel does not name its clock source');
  if (FAST_CLOCKS.includes(source)) return finding('clock', 'ok', `${source}${tsc}`);
  const fix = asRoot(facts, 'dmesg | grep -iE "tsc|clocksource"');
  return finding('clock', 'warning', `${source}${tsc}: slow to read, and guests' clocks are coarse`, fix);
}

/** A kernel that has seen the TSC go wrong takes it off its list. */
function tscText(flags: readonly string[], available: readonly string[]): string {
  if (!available.includes('tsc')) return ', tsc is unstable';
  return flags.includes('constant_tsc') && flags.includes('nonstop_tsc')
    ? ', tsc is stable'
    : ', tsc may change its rate';
}
