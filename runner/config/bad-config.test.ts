/** What a user gets wrong, and the one line that says so. */
import { describe, expect, it } from 'vitest';
import { normalizeConfig } from './normalize.js';
import { checkConfig } from './problems.js';

const SUITE = { name: 's', run: 'true' };

function messageOf(config: unknown): string | undefined {
  const checked = checkConfig(config);
  if ('problems' in checked) return checked.problems[0]?.message;
  try {
    normalizeConfig(checked.config, '/base');
  } catch (error) {
    return (error as Error).message;
  }
  return undefined;
}

const NAME = 'a name of 1 to 100 characters without *, " > " and " #1"';
const DURATION = 'a duration like 500ms, 30s, 2m or 1h, or a number of milliseconds, up to 24 days';
const MEMORY = 'a size from 64M to 64G like 512M or 2G, or a number of MiB';
const COMMAND = 'a command: a line for the shell, or a list of the program and its arguments';

describe('the whole', () => {
  it.each<[unknown, string]>([
    [null, 'the configuration null is not an object'],
    [[], 'the configuration [] is not an object'],
    ['x', 'the configuration "x" is not an object'],
    [{}, 'suites: is missing; it must be a list of one or more'],
    [{ suites: [] }, 'suites: [] is not a list of one or more'],
    [{ suites: SUITE }, 'suites: {"name":"s","run":"true"} is not a list of one or more'],
    [{ suites: ['x'] }, 'suites[0]: "x" is not an object'],
    [{ suites: [SUITE], kernel: [] }, 'kernel: no such key; did you mean kernels?'],
    [{ suites: [SUITE], constructor: 1 }, 'constructor: no such key; did you mean one of output, suites, arch?'],
    [{ suites: [SUITE], 'a b': 1 }, '["a b"]: no such key; did you mean one of arch, axes, env?'],
  ])('%j', (config, message) => expect(messageOf(config)).toBe(message));
});

describe('suites', () => {
  it.each<[Record<string, unknown>, string]>([
    [{ name: undefined }, `suites[0].name: is missing; it must be ${NAME}`],
    [{ name: 'a > b' }, `suites[0].name: "a > b" is not ${NAME}`],
    [{ name: 'a #2' }, `suites[0].name: "a #2" is not ${NAME}`],
    [{ name: 'a\u001b[1m' }, `suites[0].name: "a\\u001b[1m" is not ${NAME}`],
    [{ name: '..' }, `suites[0].name: ".." is not ${NAME}`],
    [{ name: ' a' }, `suites[0].name: " a" is not ${NAME}`],
    [{ run: undefined }, `suites[0].run: is missing; it must be ${COMMAND}`],
    [{ run: 5 }, `suites[0].run: 5 is not ${COMMAND}`],
    [{ run: '' }, `suites[0].run: "" is not ${COMMAND}`],
    [{ run: 'a\0' }, `suites[0].run: "a\\u0000" is not ${COMMAND}, and without NUL characters`],
    [{ run: [] }, 'suites[0].run: [] is not a list of the program and its arguments'],
    [{ run: ['a', 1] }, 'suites[0].run[1]: 1 is not a text'],
    [
      { parse: 'tab' },
      'suites[0].parse: "tab" is not one of exit-code, tap, ktap, kselftest, gtest, go-json, junit, pytest; did you mean tap?',
    ],
    [
      { parse: 'junit' },
      'suites[0].parse: "junit" is read from a file that the tests write; write {format: junit, file: /path/in/the/guest}',
    ],
    [
      { parse: { format: 'gtest' } },
      'suites[0].parse: "gtest" is read from a file that the tests write; write {format: gtest, file: /path/in/the/guest}',
    ],
    [{ parse: { format: 'junit', file: 'x' } }, 'suites[0].parse.file: "x" is not absolute, and the suite has no cwd'],
    [
      { parse: { format: 'junit', path: '/x' } },
      'suites[0].parse.path: no such key; did you mean one of file, format?',
    ],
    [{ cwd: 'src' }, 'suites[0].cwd: "src" is not an absolute path of the guest'],
    [{ env: ['A=1'] }, 'suites[0].env: ["A=1"] is not an object'],
    [{ env: { A: true } }, 'suites[0].env.A: true is not a text or a number; write true as "true"'],
    [{ env: { 'A=': '1' } }, 'suites[0].env["A="]: "A=" is not a name of a variable'],
    [{ user: 'a b' }, 'suites[0].user: "a b" is not a name of a user, or uid[:gid]'],
    [{ user: -1 }, 'suites[0].user: -1 is not a whole number from 0 to 4294967294'],
    [{ copyIn: ['a:/b'] }, 'suites[0].copyIn[0]: "a:/b" is not an object'],
    [
      { copyIn: [{ source: 'a' }] },
      'suites[0].copyIn[0].destination: is missing; it must be an absolute path of the guest',
    ],
    [
      { copyOut: [{ source: '/a', destination: '../b' }] },
      'suites[0].copyOut[0].destination: "../b" is not a relative path without ".."',
    ],
    [
      { copyOut: [{ source: '/a', destination: '/b' }] },
      'suites[0].copyOut[0].destination: "/b" is not a relative path without ".."',
    ],
    [{ timeouts: '30s' }, 'suites[0].timeouts: "30s" is not an object'],
    [{ timeouts: { command: '30' } }, `suites[0].timeouts.command: "30" is not ${DURATION}`],
    [{ timeouts: { command: 0 } }, `suites[0].timeouts.command: 0 is not ${DURATION}`],
    [{ timeouts: { boot: 1e300 } }, `suites[0].timeouts.boot: 1e+300 is not ${DURATION}`],
    [{ timeouts: { test: '1s' } }, 'suites[0].timeouts.test: no such key; did you mean one of boot, idle, total?'],
    [{ retries: 1.5 }, 'suites[0].retries: 1.5 is not a whole number from 0 to 100'],
    [{ retries: Number.POSITIVE_INFINITY }, 'suites[0].retries: Infinity is not a whole number from 0 to 100'],
    [{ retries: Number.NaN }, 'suites[0].retries: NaN is not a whole number from 0 to 100'],
    [{ retries: '1' }, 'suites[0].retries: "1" is not a whole number from 0 to 100'],
    [{ retries: null }, 'suites[0].retries: null is not a whole number from 0 to 100'],
    [{ isolate: 'none' }, 'suites[0].isolate: "none" is not one of guest, cell'],
    [
      { only: { kernelVersion: 'six' } },
      'suites[0].only.kernelVersion: "six" is not a range of versions like ">=6.1 <6.8"',
    ],
    [
      { only: { axes: { arch: 'arm64' } } },
      'suites[0].only.axes.arch: no label of this axis fits "arm64"; did you mean one of aarch64, x86_64?',
    ],
    [
      { expect: [{ outcome: 'fail', reason: 'r' }] },
      'suites[0].expect[0].expires: is missing; it must be a day like 2026-12-31: a failure is expected for a while only',
    ],
    [{ only: { axes: { kernel: 'x' } } }, 'suites[0].only.axes.kernel: there is no axis "kernel"; did you mean arch?'],
    [{ expect: [{ outcome: 'skip' }] }, 'suites[0].expect[0].reason: is missing; it must be a reason'],
    [
      { expect: [{ outcome: 'skip', reason: 'r', expires: '2026-02-30' }] },
      'suites[0].expect[0].expires: "2026-02-30" is not a day that there is',
    ],
    [
      { expect: [{ outcome: 'skip', reason: 'r', expires: '1.2.26' }] },
      'suites[0].expect[0].expires: "1.2.26" is not a day like 2026-12-31',
    ],
    [
      { allowedFaults: [{ pattern: '(', reason: 'r', expires: '2026-01-01' }] },
      'suites[0].allowedFaults[0].pattern: "(" is not a regular expression',
    ],
    [{ faults: 'x'.repeat(100) }, `suites[0].faults: "${'x'.repeat(55)} ... is not one of fail, report`],
  ])('%j', (suite, message) => expect(messageOf({ suites: [{ ...SUITE, ...suite }] })).toBe(message));

  it('have names of their own', () =>
    expect(messageOf({ suites: [SUITE, SUITE] })).toBe('suites[1].name: "s" is the name of suites[0], too'));
});

describe('the matrix', () => {
  it.each<[Record<string, unknown>, string]>([
    [{ kernels: [] }, 'kernels: [] is not a list, or an object of labels'],
    [{ kernels: 'cloud' }, 'kernels: "cloud" is not a list, or an object of labels'],
    [{ kernels: {} }, 'kernels: has no label'],
    [{ kernels: [5] }, 'kernels[0]: 5 is not a path of a kernel, or cloud or generic'],
    [
      { kernels: [{ kernel: 'x' }] },
      'kernels[0].name: is missing; it must be a label of letters, digits and . _ + : @ = -, and not only dots',
    ],
    [{ kernels: [{ name: 'x', kernl: 'y' }] }, 'kernels[0].kernl: no such key; did you mean kernel?'],
    [
      { kernels: ['a/bzImage', 'b/bzImage'] },
      'kernels[1]: its label is "bzImage", as that of kernels[0] is; name one of them: {name: ..., kernel: ...}',
    ],
    [
      { kernels: ['my kernel'] },
      'kernels[0]: "my kernel" is no label of letters, digits and . _ + : @ = -, and not only dots; give it one: {name: ..., kernel: ...}',
    ],
    [{ kernels: ['cloud', { name: 'c', kernel: 'cloud' }] }, 'kernels[1]: is the same as kernels[0]: cloud'],
    [
      { kernels: { 'a/b': 'x' } },
      'kernels["a/b"]: "a/b" is not a label of letters, digits and . _ + : @ = -, and not only dots',
    ],
    [{ images: ['./root'] }, 'images[0]: "./root" is not a name of an image like debian-12, or NAME@DIGEST'],
    [
      { images: [{ name: 'debian-12', init: 'systemd' }] },
      'images[0]: "debian-12" is only a label here; say image, root or initrd, too',
    ],
    [{ arch: ['arm64'] }, 'arch[0]: "arm64" is not one of x86_64, aarch64'],
    [{ cpus: 2 }, 'cpus: 2 is not a list of one or more; what all guests have alike is guest.cpus'],
    [{ cpus: [2, 2] }, 'cpus[1]: its label is "2", as that of cpus[0] is'],
    [{ cpus: [33] }, 'cpus[0]: 33 is not a whole number from 1 to 32'],
    [{ memory: ['1024M', '1G'] }, 'memory[1]: its label is "1G", as that of memory[0] is'],
    [{ memory: ['1M'] }, `memory[0]: "1M" is not ${MEMORY}`],
    [{ memory: [1e15] }, `memory[0]: 1000000000000000 is not ${MEMORY}`],
    [{ axes: { kernel: { a: {} } } }, 'axes.kernel: is an axis by itself; write it as kernels'],
    [{ axes: { memory: { a: {} } } }, 'axes.memory: is an axis by itself; write it as memory'],
    [{ axes: { '1x': {} } }, 'axes.1x: "1x" is not a name of an axis: a letter, then letters, digits, _ and -'],
    [
      { kernels: { '..': 'cloud' } },
      'kernels[".."]: ".." is not a label of letters, digits and . _ + : @ = -, and not only dots',
    ],
    [
      { axes: { constructor: { toString: { cpu: 1 } } } },
      'axes.constructor.toString.cpu: no such key; did you mean cpus?',
    ],
    [{ axes: { x: {} } }, 'axes.x: has no label'],
    [{ axes: { x: { a: { cpu: 1 } } } }, 'axes.x.a.cpu: no such key; did you mean cpus?'],
    [{ cpus: [1, 2], exclude: [{ cpu: 1 }] }, 'exclude[0].cpu: there is no axis "cpu"; did you mean cpus?'],
    [
      { cpus: [1, 2], exclude: [{ cpus: 3 }] },
      'exclude[0].cpus: no label of this axis fits "3"; did you mean one of 1, 2?',
    ],
    [
      { cpus: [1, 2], exclude: [{ cpus: [1, '3*'] }] },
      'exclude[0].cpus[1]: no label of this axis fits "3*"; did you mean one of 1, 2?',
    ],
    [{ cpus: [1, 2], exclude: [{}] }, 'exclude[0]: names no axis, and would exclude every cell'],
    [
      { cpus: [1, 2], exclude: [{ cpus: 1 }, { cpus: '*' }] },
      'exclude: no cell is left of 2: exclude[0] removed 1, exclude[1] removed 1',
    ],
    [
      { kernels: ['cloud'], include: [{ axes: { kernel: 'clod' } }] },
      'include[0].axes.kernel: "clod" is no label of this axis, and no guest says what it is; did you mean cloud?',
    ],
    [
      { kernels: ['cloud'], include: [{ axes: { kernal: 'cloud' } }] },
      'include[0].axes.kernal: there is no axis "kernal"; did you mean kernel?',
    ],
    [
      { kernels: ['cloud'], include: [{ axes: { fast: 'yes' } }] },
      'include[0].axes.fast: "yes" needs a guest that says what it is',
    ],
    [
      { kernels: ['cloud'], include: [{ axes: { arch: 'arm64' } }] },
      'include[0].axes.arch: "arm64" needs a guest that says what it is',
    ],
    [{ kernels: ['cloud'], include: [{ kernel: 'cloud' }] }, 'include[0].axes: is missing; it must be an object'],
    [
      {
        include: [
          { axes: { a: 'x' }, guest: {} },
          { axes: { b: 'x' }, guest: {} },
        ],
      },
      'two cells are called x: that of include[0] (a=x) and that of include[1] (b=x)',
    ],
    [
      { overrides: [{ match: { kernel: 'x' } }] },
      'overrides[0].match.kernel: there is no axis "kernel"; there are none',
    ],
    [{ overrides: [{ retries: 1 }] }, 'overrides[0].match: is missing; it must be an object'],
    [
      { guest: { image: 'debian-12', initrd: 'x' } },
      'the guest of the cell debian-12 cannot be: initrd goes with kernel and not with image, which has one',
    ],
    [
      { guest: { init: 'systemd' } },
      'the guest of the cell micro cannot be: init needs root or image, whose init it names',
    ],
    [
      { guest: { init: 'runit' } },
      'guest.init: "runit" is not systemd, or an absolute path of the guest without blanks',
    ],
    [
      { guest: { disks: Array(17).fill('/d') } },
      'the guest of the cell micro cannot be: 17 disks are more than the 16 that a guest can have',
    ],
    [{ guest: { disks: [{ path: 'd', mode: 'w' }] } }, 'guest.disks[0].mode: "w" is not one of ro, rw, overlay'],
    [
      { guest: { mounts: [{ host: 'd', guest: 'src' }] } },
      'guest.mounts[0].guest: "src" is not an absolute path of the guest',
    ],
    [
      { guest: { mounts: Array(2).fill({ host: 'd', guest: '/src' }) } },
      'the guest of the cell micro cannot be: there are two mounts on /src',
    ],
    [{ guest: { append: 'a\nb' } }, 'guest.append: "a\\nb" is not kernel arguments in one line'],
    [{ guest: { load: ['a/b'] } }, 'guest.load[0]: "a/b" is not a name of a module as lsmod has it'],
    [{ guest: { root: 5 } }, 'guest.root: 5 is not a path or an object'],
  ])('%j', (config, message) => expect(messageOf({ suites: [SUITE], ...config })).toBe(message));
});

describe('settings', () => {
  it.each<[Record<string, unknown>, string]>([
    [{ workers: 0 }, 'workers: 0 is not auto, a number from 1 to 10000, or a share of the CPUs like 50%'],
    [{ workers: '0%' }, 'workers: "0%" is not auto, a number from 1 to 10000, or a share of the CPUs like 50%'],
    [{ reporters: 'list' }, 'reporters: "list" is not a list of one or more'],
    [
      { reporters: ['lst'] },
      'reporters[0]: "lst" is not one of list, dot, line, json, junit, github, blob; did you mean list?',
    ],
    [
      { reporters: [['junt', {}]] },
      'reporters[0][0]: "junt" is not one of list, dot, line, json, junit, github, blob; did you mean junit?',
    ],
    [{ reporters: [['junit']] }, 'reporters[0]: ["junit"] is not a name of a reporter, or [name, options]'],
    [{ output: '' }, 'output: "" is not a path'],
    [{ failOnFlaky: 'yes' }, 'failOnFlaky: "yes" is not true or false'],
    [{ maxFailures: -1 }, 'maxFailures: -1 is not a whole number from 0 to 1000000'],
  ])('%j', (config, message) => expect(messageOf({ suites: [SUITE], ...config })).toBe(message));
});
