// argv to what the lab should do. Pure.

export const USAGE = `Usage: ci/kvm-lab [options] -- COMMAND [ARGUMENT...]

Runs COMMAND where /dev/kvm works. When this machine's own KVM is usable COMMAND runs directly. If not,
QEMU emulates a machine with virtualization extensions (the "outer guest"), and COMMAND runs in there as
root: same files (the host's root is read-only under a throw-away overlay), same working directory, the
checkout writable, no network. The outer guest of another architecture has a Debian and a Node of its own, and
of the host only the checkout and the cache.

  --arch ARCH      its architecture: this machine's (the default), or aarch64
  --cpu MODEL      its CPU as QEMU's -cpu takes it; cortex-a72 has no VHE (default: neoverse-n1, which has it)
  --cpus N         its CPUs, 1 to 16 (default 1: with more it has been seen to break down)
  --memory MIB     its memory in MiB, 1024 or more (default 6144)
  --timeout T      end COMMAND after this time, as 90s, 30m or 2h (default 30m)
  --always         boot the outer guest even when this machine's KVM is usable
  --keep           keep the outer guest's console log, and say where it is
  --quiet          do not say on stderr how COMMAND is run

COMMAND's stdin, stdout, stderr and exit code are passed through. The lab's own exit codes:
  2    usage
  97   the outer guest failed: it did not boot, or died while COMMAND was running
  124  COMMAND did not end in time
  130, 143  interrupted by SIGINT or SIGTERM
Of the environment, these variables reach COMMAND in the outer guest: CI, COLUMNS, DEBUG, FORCE_COLOR, HOME,
LANG, LOGNAME, NO_COLOR, PATH, TERM, TZ, USER, and all that begin with ASAN_, LC_, NODE_, PLAYWRIGHT_, UBSAN_
or VMTEST_, but NODE_EXTRA_CA_CERTS.
`;

export const EXIT = { usage: 2, lab: 97, timeout: 124 };

export class UsageError extends Error {}

/** @typedef {'x86_64' | 'aarch64'} Arch */

/**
 * @typedef {object} LabOptions
 * @property {Arch} arch
 * @property {string | undefined} cpu model of the CPU
 * @property {number} cpus
 * @property {number} memory MiB
 * @property {number} timeout milliseconds
 * @property {boolean} always
 * @property {boolean} keep
 * @property {boolean} quiet
 * @property {string[]} command
 */

/**
 * @param {string[]} argv without the program's name
 * @returns {LabOptions | 'help'}
 */
export function parseOptions(argv) {
  /** @type {LabOptions} */
  const options = {
    arch: hostArch(),
    cpu: undefined,
    cpus: 1,
    memory: 6144,
    timeout: 30 * 60_000,
    always: false,
    keep: false,
    quiet: false,
    command: [],
  };
  for (let i = 0; i < argv.length; i++) {
    const flag = argv[i] ?? '';
    const value = () => {
      const text = argv[++i];
      if (text === undefined) throw new UsageError(`${flag} needs a value`);
      return text;
    };
    if (flag === '--') {
      options.command = argv.slice(i + 1);
      break;
    }
    if (flag === '-h' || flag === '--help') return 'help';
    else if (flag === '--arch') options.arch = parseArch(value());
    else if (flag === '--cpu') options.cpu = value();
    else if (flag === '--cpus') options.cpus = parseInteger(flag, value(), 1, 16);
    else if (flag === '--memory') options.memory = parseInteger(flag, value(), 1024, 1 << 20);
    else if (flag === '--timeout') options.timeout = parseDuration(flag, value());
    else if (flag === '--always') options.always = true;
    else if (flag === '--keep') options.keep = true;
    else if (flag === '--quiet') options.quiet = true;
    else throw new UsageError(`unknown argument ${flag}; the command goes after "--"`);
  }
  if (options.command.length === 0) throw new UsageError('no command: give it after "--"');
  return options;
}

/** @returns {Arch} */
export const hostArch = () => (process.arch === 'arm64' ? 'aarch64' : 'x86_64');

/** @param {string} text @returns {Arch} */
function parseArch(text) {
  if (text === 'aarch64' || text === hostArch()) return text;
  throw new UsageError(
    `--arch ${text} is not supported here: only ${[...new Set([hostArch(), 'aarch64'])].join(' and ')}`,
  );
}

/** @type {(flag: string, text: string, min: number, max: number) => number} */
function parseInteger(flag, text, min, max) {
  const number = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (!(number >= min && number <= max)) throw new UsageError(`${flag} ${text}: not a number from ${min} to ${max}`);
  return number;
}

/** @type {(flag: string, text: string) => number} */
export function parseDuration(flag, text) {
  const match = /^(\d{1,6})(s|m|h)$/.exec(text);
  const unit = { s: 1000, m: 60_000, h: 3_600_000 }[match?.[2] ?? ''] ?? Number.NaN;
  const milliseconds = Number(match?.[1]) * unit;
  // A Node timer holds 31 bits of milliseconds.
  if (!(milliseconds > 0 && milliseconds < 2 ** 31)) {
    throw new UsageError(`${flag} ${text}: not a time such as 90s, 30m or 2h`);
  }
  return milliseconds;
}

const PASSED = new Set('CI COLUMNS DEBUG FORCE_COLOR HOME LANG LOGNAME NO_COLOR PATH TERM TZ USER'.split(' '));
const PASSED_PREFIXES = ['ASAN_', 'LC_', 'NODE_', 'PLAYWRIGHT_', 'UBSAN_', 'VMTEST_'];

/**
 * The variables that mean something inside. The rest (tokens, sockets, session ids) would only mislead there.
 * @param {Record<string, string | undefined>} env
 * @returns {Record<string, string>}
 */
export function chooseEnvironment(env) {
  /** @type {Record<string, string>} */
  const chosen = {};
  for (const [name, value] of Object.entries(env)) {
    // It may name a file that is not there, and there is no network to be trusted.
    if (value === undefined || name === 'NODE_EXTRA_CA_CERTS') continue;
    if (PASSED.has(name) || PASSED_PREFIXES.some((prefix) => name.startsWith(prefix))) chosen[name] = value;
  }
  return chosen;
}

/** One word of a POSIX shell. @param {string} text */
export function quote(text) {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
