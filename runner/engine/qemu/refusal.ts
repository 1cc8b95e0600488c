/** Why QEMU did not take a guest, as an error that names what the user gave. */
import { VmtestError } from '../../errors.js';
import type { GuestSpec } from '../guest.js';
import { lastLine } from './end.js';
import type { QemuExit } from './process.js';

interface Pattern {
  /** In what QEMU said. */
  says: RegExp;
  code: 'VMTEST_BAD_INPUT' | 'VMTEST_ENGINE';
  message(spec: GuestSpec, said: string, match: RegExpExecArray): string;
}

const PATTERNS: readonly Pattern[] = [
  {
    says: /seccomp|sandbox/i,
    code: 'VMTEST_ENGINE',
    message: (_, said) =>
      `QEMU cannot lock itself in: ${said}; let the seccomp profile of this container allow seccomp(2), prctl(2) and memfd_create(2)`,
  },
  {
    says: /temporary (?:file|overlay)/i,
    code: 'VMTEST_ENGINE',
    message: (_, said) =>
      `no temporary file for what the guest writes to its disks: ${said.replace(/^-drive \S+ /, '')}; set TMPDIR, or give disks as PATH,ro`,
  },
  {
    says: /unable to find CPU model '(.*)'/,
    code: 'VMTEST_ENGINE',
    message: (_, __, match) =>
      `VMTEST_QEMU_CPU: this QEMU knows no CPU ${match[1]}; \`-cpu help\` lists those that it knows`,
  },
  {
    says: /'([\w-]+)' is not a valid (?:device model|object type)|unsupported machine type|Invalid parameter/,
    code: 'VMTEST_ENGINE',
    message: (_, said, match) =>
      `this QEMU was built without what vmtest needs of it${match[1] === undefined ? '' : `, ${match[1]}`}: ${said}; install that of your distribution, or name another one with VMTEST_QEMU_X86_64 or VMTEST_QEMU_AARCH64`,
  },
  {
    says: /disk(\d+).*(?:Failed to get .*lock|Is another process using)/,
    code: 'VMTEST_BAD_INPUT',
    message: (spec, _, match) =>
      `disk ${spec.disks[Number(match[1])]?.path}: another guest uses it; a disk that is written to belongs to one guest`,
  },
  {
    says: /Failed to get .*lock|Is another process using the image/,
    code: 'VMTEST_BAD_INPUT',
    message: ({ disks }) =>
      `disk ${disks.map(({ path }) => path).join(' or ')}: another guest uses it; a disk that is written to belongs to one guest`,
  },
  {
    says: /Cannot allocate memory|cannot set up guest memory|failed to resize memfd/i,
    code: 'VMTEST_BAD_INPUT',
    message: (spec, said) =>
      `memory of ${spec.memoryMib} MiB: this machine cannot give so much (${said}); lower --memory`,
  },
  {
    says: /could not load kernel|linux kernel too old|invalid kernel|unsupported (?:kernel|image)/i,
    code: 'VMTEST_BAD_INPUT',
    message: (spec, said) => `kernel ${spec.labels?.kernel ?? spec.kernel}: QEMU does not take it: ${said}`,
  },
  {
    says: /initrd is too large/i,
    code: 'VMTEST_BAD_INPUT',
    message: (spec, said) =>
      `initrd ${spec.labels?.initrd ?? spec.initrd}: it does not fit in ${spec.memoryMib} MiB of guest memory: ${said}`,
  },
  {
    says: /initrd|initial ram/i,
    code: 'VMTEST_BAD_INPUT',
    message: (spec, said) => `initrd ${spec.labels?.initrd ?? spec.initrd}: QEMU does not take it: ${said}`,
  },
];

/** The error of a QEMU that ended before its guest could run. */
export function refusalOf(exit: QemuExit, spec: GuestSpec, file: string, cause: unknown): VmtestError {
  const said = lastLine(exit.stderr);
  for (const pattern of PATTERNS) {
    const match = pattern.says.exec(exit.stderr);
    if (match !== null) return new VmtestError(pattern.code, pattern.message(spec, said, match), { cause });
  }
  const how = exit.signal === undefined ? `with exit code ${exit.code}` : `by ${exit.signal}`;
  const why = said === '' ? '' : `: ${said}`;
  return new VmtestError('VMTEST_ENGINE', `${file} ended ${how} before the guest could run${why}`, {
    cause,
    context: { stderr: exit.stderr },
  });
}
