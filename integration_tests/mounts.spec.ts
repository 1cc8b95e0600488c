/** Live directories of the host in a guest: QEMU alone serves them. */
import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from '@playwright/test';
import { boot } from '../runner/index.js';
import { runInGuest } from './support/cli.js';

const qemu = { tag: '@qemu' };
const GENERIC = ['--engine', 'qemu', '--kernel', 'generic'];

async function makeDirectory(name: string): Promise<string> {
  const directory = test.info().outputPath(name);
  await mkdir(join(directory, 'deep'), { recursive: true });
  await writeFile(join(directory, 'deep/file'), 'of the host\n');
  return directory;
}

test('what is mounted is there, and is written to where the mode says so', qemu, async () => {
  const readable = await makeDirectory('with,comma');
  const writable = await makeDirectory('rw');
  const exclusive = await makeDirectory('exclusive');
  // QEMU follows no link out of the directory: the guest does, in its own files.
  await symlink('/etc/hostname', join(readable, 'link'));
  const script = [
    'cat /a/deep/file /a/link',
    'touch /a/new || echo refused',
    'cat "/b/x y/deep/file"; echo of the guest > "/b/x y/new"',
    'cp /c/deep/file /c/copy',
  ].join('\n');
  const mounts = [
    '--mount',
    `${readable}:/a`,
    '--mount',
    `${writable}:/b/x y:rw`,
    '--mount',
    `${exclusive}:/c:exclusive`,
  ];
  const result = await runInGuest(script, [...GENERIC, ...mounts]);
  expect(result).toMatchObject({ code: 0, stdout: 'of the host\nvmtest\nrefused\nof the host\n', left: [] });
  expect(await readFile(join(writable, 'new'), 'utf8')).toBe('of the guest\n');
  expect(await readFile(join(exclusive, 'copy'), 'utf8')).toBe('of the host\n');
});

test('each side of an rw mount sees what the other one writes', qemu, async () => {
  const host = await makeDirectory('both');
  await using machine = await boot({
    engine: 'qemu',
    kernel: 'generic',
    mounts: [{ host, guest: '/both', mode: 'rw' }],
  });
  const inGuest = async (script: string) => (await machine.exec(['sh', '-c', script]).result).stdout;
  for (const word of ['one', 'another one']) {
    await writeFile(join(host, 'deep/file'), word);
    expect(await inGuest('cat /both/deep/file; echo back > /both/answer')).toBe(word);
    expect(await readFile(join(host, 'answer'), 'utf8')).toBe('back\n');
  }
  await writeFile(join(host, 'later'), '');
  expect(await inGuest('ls /both')).toBe('answer\ndeep\nlater\n');
});

test("the host's own root is the guest's, and nothing that the guest writes reaches it", qemu, async () => {
  const directory = await makeDirectory('kept');
  const mounts = ['--mount', '/:/', '--mount', `${directory}:${directory}:rw`];
  const script = `touch /etc/of-the-guest && ls /etc/of-the-guest; stat -f -c %T /tmp; node -p process.version; cat ${directory}/deep/file`;
  const result = await runInGuest(script, [...GENERIC, ...mounts, '--env', 'PATH']);
  expect(result).toMatchObject({
    code: 0,
    stdout: `/etc/of-the-guest\ntmpfs\n${process.version}\nof the host\n`,
    left: [],
  });
  await expect(readFile('/etc/of-the-guest')).rejects.toMatchObject({ code: 'ENOENT' });
});

test('mounts that cannot be are refused before a guest is started', qemu, async () => {
  const directory = await makeDirectory('fine');
  const refusal = async (...flags: string[]) => {
    const { code, stderr, left } = await runInGuest('true', flags);
    expect({ code, left }, stderr).toEqual({ code: 2, left: [] });
    return stderr;
  };
  const fine = ['--mount', `${directory}:/a`];
  expect(await refusal('--engine', 'qemu', ...fine)).toContain('take one that has it, like --kernel generic');
  expect(await refusal('--engine', 'qemu', '--kernel', 'cloud', ...fine)).toContain('no CONFIG_9P_FS: ');
  expect(await refusal(...GENERIC, '--mount', `${directory}/none:/a`)).toContain(`--mount ${directory}/none: `);
  expect(await refusal(...GENERIC, ...fine, '--mount', '/usr:/a')).toContain('two mounts on /a');
});

test('the native engine says what to do instead', qemu, async () => {
  const result = await runInGuest('true', ['--engine', 'native', '--kernel', 'generic', '--mount', '/usr:/a']);
  expect(result).toMatchObject({ code: 125, left: [] });
  expect(result.stderr).toContain('cannot serve --mount: ask for --engine qemu, or auto');
});
