/** What is refused: one clear line that names the file and the reason, no guest, nothing left behind. */
import { execFileSync } from 'node:child_process';
import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { expect, test } from '@playwright/test';
import { runInGuest, startVmtest, vmtest } from './support/cli.js';
import { tinyKernel } from './support/tiny-kernel.js';

const RUN_TRUE = ['--', 'true'];

interface Refusal {
  what: string;
  /** Arguments before `--`; FILE is a file that holds `file`. */
  flags: readonly string[];
  file?: Buffer | string;
  code: number;
  message: RegExp;
}

const aarch64Kernel = (): Buffer => {
  const kernel = tinyKernel([]);
  kernel.writeUInt16LE(183, 18);
  return kernel;
};

const TABLE: readonly Refusal[] = [
  {
    what: 'a kernel that is not there',
    flags: ['--kernel', '/no/kernel'],
    code: 2,
    message: /\/no\/kernel.*(not exist|no such)/i,
  },
  { what: 'a kernel that is a directory', flags: ['--kernel', '/tmp'], code: 2, message: /\/tmp.*directory/ },
  { what: 'an empty kernel', flags: ['--kernel', 'FILE'], file: '', code: 2, message: /FILE.*empty/ },
  {
    what: 'a kernel that is none',
    flags: ['--kernel', 'FILE'],
    file: 'hello '.repeat(1000),
    code: 2,
    message: /FILE.*not a/,
  },
  {
    what: "another machine's kernel",
    flags: ['--kernel', 'FILE'],
    file: aarch64Kernel(),
    code: 2,
    message: /FILE.*aarch64/,
  },
  {
    what: 'a truncated ELF',
    flags: ['--kernel', 'FILE'],
    file: tinyKernel([]).subarray(0, 100),
    code: 2,
    message: /FILE.*truncated/i,
  },
  { what: 'an initrd that is not there', flags: ['--initrd', '/no/initrd'], code: 2, message: /\/no\/initrd/ },
  { what: 'an initrd that is a directory', flags: ['--initrd', '/tmp'], code: 2, message: /\/tmp.*directory/ },
  {
    what: 'a module that the kernel does not have',
    flags: ['--kernel', 'cloud', '--module', 'no_such'],
    code: 2,
    message: /--module no_such: kernel .*its modules have no "no_such"/,
  },
  { what: 'no memory', flags: ['--memory', '0'], code: 2, message: /--memory/ },
  { what: 'too little memory', flags: ['--memory', '63M'], code: 2, message: /--memory.*63M/ },
  { what: 'too much memory', flags: ['--memory', '65G'], code: 2, message: /--memory.*65G/ },
  { what: 'memory in words', flags: ['--memory', 'lots'], code: 2, message: /--memory.*lots/ },
  { what: 'no CPUs', flags: ['--cpus', '0'], code: 2, message: /--cpus.*0/ },
  { what: 'too many CPUs', flags: ['--cpus', '33'], code: 2, message: /--cpus.*33/ },
  { what: 'a disk that is not there', flags: ['--disk', '/no/disk'], code: 2, message: /\/no\/disk/ },
  { what: 'a disk that is a directory', flags: ['--disk', '/tmp'], code: 2, message: /\/tmp.*directory/ },
  { what: 'a disk in an unknown mode', flags: ['--disk', '/tmp/x,rx'], code: 2, message: /rx/ },
  { what: 'an unknown flag', flags: ['--frobnicate'], code: 2, message: /--frobnicate/ },
  { what: 'a time that is none', flags: ['--timeout', 'soon'], code: 2, message: /--timeout.*soon/ },
];

for (const { what, flags, file, code, message } of TABLE) {
  test(`refuses ${what}`, { tag: '@host' }, async () => {
    const info = test.info();
    const path = info.outputPath('input');
    if (file !== undefined) await writeFile(path, file);
    const result = await vmtest(['run', ...flags.map((flag) => flag.replace('FILE', path)), ...RUN_TRUE]);
    expect(result).toMatchObject({ code, stdout: '', left: [] });
    const lines = result.stderr.trimEnd().split('\n');
    expect(lines).toHaveLength(1);
    expect(lines[0]?.replaceAll(path, 'FILE')).toMatch(message);
  });
}

test('refuses an initrd that does not fit into the memory, with both sizes', async () => {
  const info = test.info();
  const path = info.outputPath('initrd');
  await writeFile(path, Buffer.alloc(100 * 2 ** 20));
  const result = await vmtest(['run', '--memory', '64M', '--initrd', path, ...RUN_TRUE]);
  expect(result).toMatchObject({ code: 2, stdout: '', left: [] });
  expect(result.stderr).toMatch(/initrd.*does not fit/);
});

test('refuses FIFOs instead of waiting for their other ends', { tag: '@host' }, async () => {
  const fifo = test.info().outputPath('fifo');
  await mkdir(dirname(fifo), { recursive: true });
  execFileSync('mkfifo', [fifo]);
  const kernel = await vmtest(['run', '--kernel', fifo, ...RUN_TRUE]);
  expect(kernel).toMatchObject({ code: 2, stdout: '', left: [] });
  expect(kernel.stderr).toMatch(/not a regular file/);
  const log = await vmtest(['run', '--console', fifo, ...RUN_TRUE]);
  expect(log).toMatchObject({ code: 2, stdout: '', left: [] });
  expect(log.stderr).toMatch(/nobody reads/);
});

test('a run that is refused leaves the console file as it was, and a disk is no console file', {
  tag: '@host',
}, async () => {
  const file = test.info().outputPath('file');
  await writeFile(file, 'x'.repeat(512));
  expect(await vmtest(['run', '--kernel', '/no/kernel', '--console', file, ...RUN_TRUE])).toMatchObject({ code: 2 });
  const both = await vmtest(['run', '--disk', file, '--console', file, ...RUN_TRUE]);
  expect(both).toMatchObject({ code: 2, stdout: '' });
  expect(both.stderr).toMatch(/a file of the guest as well/);
  expect(await readFile(file, 'utf8')).toBe('x'.repeat(512));
  expect(await vmtest(['run', '--kernel', '/no/kernel', '--console', `${file}.new`, ...RUN_TRUE])).toMatchObject({
    code: 2,
  });
  await expect(stat(`${file}.new`)).rejects.toThrow('ENOENT');
});

test('refuses kernel arguments that the kernel would cut off, and a disk twice that is written to', {
  tag: '@host',
}, async () => {
  const long = await vmtest(['run', '--append', 'x'.repeat(100_000), ...RUN_TRUE]);
  expect(long).toMatchObject({ code: 2, stdout: '' });
  expect(long.stderr).toMatch(/--append.* takes 2047/);
  const disk = test.info().outputPath('disk');
  await writeFile(disk, Buffer.alloc(2 ** 20));
  const twice = await vmtest(['run', '--disk', `${disk},rw`, '--disk', disk, ...RUN_TRUE]);
  expect(twice).toMatchObject({ code: 2, stdout: '' });
  expect(twice.stderr).toMatch(/given twice/);
});

test('output that cannot be written is an error, with the reason', async () => {
  const full = await vmtest(['run', '--', 'echo', 'hi'], { wrapper: ['sh', '-c', 'exec "$@" >/dev/full', 'sh'] });
  expect(full.code).toBe(125);
  expect(full.stderr).toMatch(/the output cannot be written: .*ENOSPC/);
  const help = await vmtest(['--help'], { wrapper: ['sh', '-c', 'exec "$@" >/dev/full', 'sh'] });
  expect(help.code).toBe(125);
});

test('refuses no command at all, and an unknown command', { tag: '@host' }, async () => {
  expect(await vmtest(['run'])).toMatchObject({ code: 2, stdout: '' });
  expect(await vmtest(['walk'])).toMatchObject({ code: 2, stdout: '' });
});

test('refuses a disk that another guest writes to', async () => {
  const info = test.info();
  const disk = info.outputPath('disk');
  await writeFile(disk, Buffer.alloc(2 ** 20));
  const first = await startVmtest(['run', '--disk', `${disk},rw`, '--', 'sh', '-c', 'echo up; sleep 600']);
  await new Promise((resolve) => first.child.stdout?.once('data', resolve));
  const second = await runInGuest('true', ['--disk', `${disk},rw`]);
  expect(second.code).toBe(2);
  expect(second.stderr).toContain(disk);
  expect(second.stderr).toMatch(/another guest|in use|locked/);
  first.child.kill('SIGTERM');
  await first.result;
});

/** How /dev/kvm is spoilt, in a mount namespace of its own, and what is then said. */
const KVM_TABLE = [
  {
    what: 'is missing',
    script: 'mount --bind /dev/null /dev/kvm && umount /dev/kvm; mount -t tmpfs t /dev && mknod /dev/null c 1 3',
    message: /absent/,
  },
  { what: 'may not be opened', script: 'true', as: 'nobody', message: /denied/ },
  { what: 'is something else', script: 'mount --bind /dev/zero /dev/kvm', message: /broken|unsupported/ },
];

for (const { what, script, as, message } of KVM_TABLE) {
  test(`says so when /dev/kvm ${what}`, { tag: '@host' }, async () => {
    test.skip(process.getuid?.() !== 0, 'only root can make a mount namespace');
    const drop =
      as === undefined
        ? ''
        : 'cp -a /dev/kvm /tmp/.kvm-denied; chmod 0 /tmp/.kvm-denied; mount --bind /tmp/.kvm-denied /dev/kvm; ';
    const user = as === undefined ? '' : 'setpriv --reuid 65534 --regid 65534 --clear-groups --bounding-set=-all ';
    const wrapper = ['unshare', '--mount', 'sh', '-c', `${drop}${script}; exec ${user}"$@"`, 'sh'];
    const result = await vmtest(['run', '--engine', 'native', ...RUN_TRUE], { wrapper });
    expect(result).toMatchObject({ code: 125, stdout: '' });
    expect(result.stderr).toMatch(message);
  });
}
