/** What this machine's KVM is: its device, who may open it, and whether it runs a small guest. */
import { stat } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { probeKvm } from '../engine/probe.js';
import type { KvmFacts } from './facts.js';
import { groupOf, switchOf } from './proc.js';
import type { Read } from './read.js';

interface Options {
  vmm: string;
  read: Read;
  root: string;
  env: NodeJS.ProcessEnv;
  signal: AbortSignal;
}

export async function gatherKvm({ vmm, read, root, env, signal }: Options): Promise<KvmFacts> {
  const [device, groups, intel, amd, probed] = await Promise.all([
    stat(join(root, 'dev/kvm')).catch(() => null),
    read('etc/group'),
    read('sys/module/kvm_intel/parameters/nested'),
    read('sys/module/kvm_amd/parameters/nested'),
    probe(vmm, signal),
  ]);
  const group = device === null ? null : groupOf(groups, device.gid);
  return {
    device: device === null ? null : { uid: device.uid, gid: device.gid, mode: device.mode & 0o7777 },
    group: group?.name ?? null,
    member: device === null ? 'no' : memberOf(device.gid, group?.members ?? [], env),
    ...probed,
    nested: switchOf(intel) ?? switchOf(amd),
  };
}

async function probe(vmm: string, signal: AbortSignal): Promise<Pick<KvmFacts, 'probe' | 'probeProblem'>> {
  try {
    return { probe: await probeKvm(vmm, signal), probeProblem: null };
  } catch (error) {
    signal.throwIfAborted();
    return { probe: null, probeProblem: (error as Error).message };
  }
}

/** A user who was added to a group has it from the next login on. */
function memberOf(gid: number, members: readonly string[], env: NodeJS.ProcessEnv): KvmFacts['member'] {
  if (process.getegid?.() === gid || process.getgroups?.().includes(gid)) return 'session';
  return members.includes(accountName() ?? env['USER'] ?? '') ? 'account' : 'no';
}

/** A container may run as a number that no account has. */
function accountName(): string | undefined {
  try {
    return userInfo().username;
  } catch {
    return undefined;
  }
}
