/** Turns a refusal of `vmtest-vmm` into an error that names the user's own file or flag. */
import { VmtestError } from '../../errors.js';
import type { GuestSpec } from '../guest.js';

/** What of the specification the subject of a refusal stands for, in the user's words. */
function nameOf(subject: string, spec: GuestSpec): string | undefined {
  const disk = /^disks\[(\d+)\]/.exec(subject);
  if (disk !== null) {
    const path = spec.disks[Number(disk[1])]?.path;
    return path === undefined ? undefined : `disk ${path}`;
  }
  switch (subject) {
    case 'kernel':
      return `kernel ${spec.labels?.kernel ?? spec.kernel}`;
    case 'initrd':
      return `initrd ${spec.labels?.initrd ?? spec.initrd}`;
    case 'memory_mib':
      return `memory of ${spec.memoryMib} MiB`;
    case 'cpus':
      return `${spec.cpus} CPUs`;
    case 'nested':
    case 'pmu':
    case 'sve':
      return `--${subject}`;
    case 'cmdline':
      return 'kernel command line';
    default:
      return undefined;
  }
}

/** Refusals of what was asked for, whatever the host. */
const BAD_INPUT = new Set([
  'CONTROL_INVALID_ARGUMENT',
  'CONTROL_BAD_IMAGE',
  'CONTROL_DOES_NOT_FIT',
  'CONTROL_BUSY',
  'CONTROL_NOT_FOUND',
  'CONTROL_PERMISSION',
]);

/** Refusals of what another host or engine may well have. */
const HOST_LACKS = 'CONTROL_UNSUPPORTED';

/** Stable codes, where there is one; else the engine's own, which is a trouble of the host. */
function codeOf({ code }: VmtestError): string {
  if (BAD_INPUT.has(code)) return 'VMTEST_BAD_INPUT';
  return code === HOST_LACKS ? 'VMTEST_HOST_LACKS' : code;
}

export function blame(error: unknown, spec: GuestSpec): unknown {
  if (!(error instanceof VmtestError)) return error;
  const subject = error.context['subject'];
  const name = typeof subject === 'string' ? nameOf(subject, spec) : undefined;
  if (name === undefined) return error;
  return new VmtestError(codeOf(error), `${name}: ${error.message}`, { cause: error, context: { ...error.context } });
}
