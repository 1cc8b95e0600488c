/** Reads what the kernel tells in /proc and /sys; pure. Whatever is there, it answers: what it cannot read is not known. */

const CPU_FLAGS = ['vmx', 'svm', 'hypervisor', 'constant_tsc', 'nonstop_tsc'] as const;

/** /proc/cpuinfo: of the first CPU. On arm64 there are features in the place of flags, none of them about this. */
export function cpuOf(cpuinfo: string): { model: string | null; flags: string[] } {
  const model = /^model name\s*:\s*(\S.*)$/m.exec(cpuinfo)?.[1]?.trim() ?? null;
  const words = (/^flags\s*:(.*)$/m.exec(cpuinfo)?.[1] ?? '').split(/\s+/);
  return { model, flags: CPU_FLAGS.filter((flag) => words.includes(flag)) };
}

/** /proc/PID/status. */
export function seccompOf(status: string): number | null {
  const mode = /^Seccomp:\s*([012])$/m.exec(status)?.[1];
  return mode === undefined ? null : Number(mode);
}

/** A boolean parameter of a module: `Y` or `1`. */
export function switchOf(parameter: string): boolean | null {
  const text = parameter.trim();
  if (['Y', 'y', '1'].includes(text)) return true;
  return ['N', 'n', '0'].includes(text) ? false : null;
}

/** group(5): the name of a group, and who is in it besides those that have it as their first one. */
export function groupOf(groups: string, gid: number): { name: string; members: string[] } | null {
  for (const line of groups.split('\n')) {
    const [name, , id, members = ''] = line.split(':');
    if (name !== undefined && name !== '' && id === `${gid}`) {
      return { name, members: members.split(',').filter((member) => member !== '') };
    }
  }
  return null;
}
