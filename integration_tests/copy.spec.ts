/** Files into real guests and out of them: `--copy-in` and `--copy-out`. */
import { createHash, randomBytes } from 'node:crypto';
import { chmod, lstat, mkdir, readdir, readFile, readlink, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from '../fixtures/index.js';
import { copyIn, copyOut } from '../runner/index.js';
import { runInGuest, vmtest } from './support/cli.js';
import { sh } from './support/exec.js';

const time = new Date('2015-06-07T08:09:10Z');
const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

/** An empty directory of this test's own. */
async function scratch(): Promise<string> {
  const path = test.info().outputPath('files');
  await mkdir(path, { recursive: true });
  return path;
}

test('in and out again: modes, times, links, patterns both ways, 20 MiB', async () => {
  const host = await scratch();
  await mkdir(join(host, 'in/tree/sub'), { recursive: true });
  const big = randomBytes(20 * 2 ** 20);
  await writeFile(join(host, 'in/big'), big);
  for (const name of ['a.c', 'b.c', 'c.h', 'tree/run', 'tree/sub/deep.c'])
    await writeFile(join(host, 'in', name), name);
  await chmod(join(host, 'in/tree/run'), 0o750);
  await chmod(join(host, 'in/tree/sub'), 0o711);
  await symlink('sub/deep.c', join(host, 'in/tree/link'));
  await utimes(join(host, 'in/tree/run'), time, time);
  const flags = [
    ...['--copy-in', `${host}/in/tree:/work/tree`, '--copy-in', `${host}/in/[ab].c:/work/src`],
    ...['--copy-in', `${host}/in/tree/**/*.c:/work/src`, '--copy-in', `${host}/in/big:/work/`],
    ...['--copy-out', `/work/tree:${host}/tree`, '--copy-out', `/work/src/?.c:${host}/out/`],
    ...['--copy-out', `/work/[!s-t]*:${host}/out`, '--copy-out', `/work/odd\\:name:${host}/odd`],
    ...['--copy-out', `/sys/class/net/lo/:${host}/lo`],
  ];
  const script =
    'cd /work && stat -c "%a %n" tree/run tree/sub && readlink tree/link && stat -c %Y tree/run && ls src && ' +
    'sha256sum < big && mkfifo tree/fifo && ln -s /etc/passwd tree/away && echo odd > odd:name';
  const result = await runInGuest(script, flags);
  expect(result).toMatchObject({ code: 0, left: [] });
  expect(result.stdout.trim().split('\n')).toEqual([
    ...['750 tree/run', '711 tree/sub', 'sub/deep.c', `${time.getTime() / 1000}`, 'a.c', 'b.c', 'deep.c'],
    `${sha256(big)}  -`,
  ]);
  expect((await readdir(host)).sort()).toEqual(['in', 'lo', 'odd', 'out', 'tree']);
  expect((await readdir(join(host, 'out'))).sort()).toEqual(['a.c', 'b.c', 'big', 'odd:name']);
  expect(sha256(await readFile(join(host, 'out/big')))).toBe(sha256(big));
  expect(await stat(join(host, 'tree/run'))).toMatchObject({ mtime: time, mode: 0o100750 });
  expect((await stat(join(host, 'tree/sub'))).mode & 0o777).toBe(0o711);
  expect(await readlink(join(host, 'tree/link'))).toBe('sub/deep.c');
  expect((await readdir(join(host, 'tree'))).sort()).toEqual(['link', 'run', 'sub']);
  expect(await readFile(join(host, 'lo/address'), 'utf8')).toBe('00:00:00:00:00:00\n');
  expect(result.stderr).toContain(`--copy-out /work/tree:${host}/tree: left out /work/tree/fifo: fifo\n`);
  expect(result.stderr).toMatch(/left out \/work\/tree\/away: symbolic link out of the tree, to \/etc\/passwd\n/);
  expect(result.stderr).toMatch(/left out \/sys\/class\/net\/lo\/speed: EINVAL\n/);
});

test('out after a command that failed, with its code; what is not there is a warning', async () => {
  const host = await scratch();
  const flags = ['--copy-out', `/tmp/log:${host}/log`, '--copy-out', `/tmp/*.none:${host}`];
  const result = await runInGuest('echo failed > /tmp/log; kill -ABRT $$', flags);
  expect(result).toMatchObject({ code: 134, left: [] });
  expect(await readFile(join(host, 'log'), 'utf8')).toBe('failed\n');
  expect(result.stderr).toMatch(/warning: --copy-out \/tmp\/\*\.none:.*nothing in the guest fits the pattern/);
  expect(await readdir(host)).toEqual(['log']);
});

test('out after a timeout, and the command writes no more', async () => {
  const host = await scratch();
  const flags = ['--timeout', '1s', '--copy-out', `/tmp/log:${host}/`];
  const result = await runInGuest('echo begun > /tmp/log; sleep 1000', flags);
  expect(result).toMatchObject({ code: 124, left: [] });
  expect(await readFile(join(host, 'log'), 'utf8')).toBe('begun\n');
});

test('nothing to copy out is an error after a command that succeeded', async () => {
  const host = await scratch();
  const result = await runInGuest('exit 0', ['--copy-out', `/a:b:${host}`, '--copy-out', `/etc/host[n]ame:${host}`]);
  expect(result).toMatchObject({ code: 125, left: [] });
  expect(result.stderr).toMatch(/--copy-out \/a:b:.*the guest has no \/a \(a colon in a guest path is written \\:\)/);
});

test('a guest that is gone: one line, and the code of its end', async () => {
  const host = await scratch();
  const result = await vmtest([
    'run',
    '--copy-out',
    `/etc:${host}/etc`,
    '--copy-out',
    `/x:${host}`,
    '--',
    'poweroff',
    '-f',
  ]);
  expect(result).toMatchObject({ code: 122, left: [] });
  expect(result.stderr.match(/nothing could be copied out/g)).toHaveLength(1);
  expect(await readdir(host)).toEqual([]);
});

test('what is wrong on the host is told before a guest is started', { tag: '@host' }, async () => {
  const host = await scratch();
  await writeFile(join(host, 'file'), '');
  for (const [flags, message] of [
    [['--copy-in', `${host}/none:/x`], /--copy-in .*none does not exist/],
    [['--copy-in', `${host}/n*:/x`], /nothing on the host fits the pattern/],
    [['--copy-in', `${host}/file:x`], /absolute path of the guest/],
    [['--copy-out', `/x:${host}/file/`], /is a file, and not a directory/],
    [['--copy-out', '/x:/dev/null'], /it is not replaced/],
  ] as const) {
    // A kernel that does not exist would be the next thing to be told.
    const result = await vmtest(['run', ...flags, '--kernel', '/no/kernel', '--', 'true']);
    expect(result).toMatchObject({ code: 2, stdout: '', left: [] });
    expect(result.stderr.trimEnd().split('\n')).toHaveLength(1);
    expect(result.stderr).toMatch(message);
  }
});

test('the library: destinations that a guest, or its host, made hostile', async ({ bootVm }) => {
  const host = await scratch();
  const machine = await bootVm();
  await mkdir(join(host, 'out'));
  await writeFile(join(host, 'precious'), 'mine');
  await symlink('../precious', join(host, 'out/x.log'));
  await symlink('..', join(host, 'out/dir'));
  await sh(
    machine,
    'mkdir -p /t/dir /n && echo evil | tee /t/x.log /t/dir/precious /t/y.log && : > "/n/$(printf "a\\nb")"',
  );
  await copyOut(machine, '/t/*.log', join(host, 'out'));
  await expect(copyOut(machine, '/t/d*', join(host, 'out'))).rejects.toMatchObject({ code: 'VMTEST_COPY' });
  expect(await readFile(join(host, 'precious'), 'utf8')).toBe('mine');
  expect((await lstat(join(host, 'out/x.log'))).isFile()).toBe(true);
  expect((await readdir(join(host, 'out'))).sort()).toEqual(['dir', 'x.log', 'y.log']);
  expect((await readdir(host)).sort()).toEqual(['out', 'precious']);
  // A link of the guest is never written through, and a directory does not replace a file.
  await sh(machine, 'ln -s /etc /t/etc; echo kept > /etc/kept');
  await mkdir(join(host, 'in/etc'), { recursive: true });
  await writeFile(join(host, 'in/etc/kept'), 'overwritten');
  await expect(copyIn(machine, `${host}/in/.`, '/t')).rejects.toMatchObject({ context: { errno: 'ENOTDIR' } });
  await expect(copyIn(machine, join(host, 'in'), '/t/y.log')).rejects.toMatchObject({ code: 'VMTEST_COPY' });
  expect((await sh(machine, 'cat /etc/kept')).stdout).toBe('kept\n');
  await sh(machine, 'cd /n && i=0; while [ $i -le 10000 ]; do echo f$i; i=$((i+1)); done | xargs touch');
  await expect(copyOut(machine, '/n/f*', join(host, 'many'))).rejects.toMatchObject({ context: { errno: 'E2BIG' } });
  await copyOut(machine, '/n/a*', join(host, 'line'));
  expect(await readdir(join(host, 'line'))).toEqual(['a\nb']);
});
