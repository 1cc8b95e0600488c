/** Guests out of images of the store: the default one, Debian with and without its init, and one that was damaged. */
import { cp, readdir, readFile, truncate } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { expect, test, type Vm } from '../fixtures/index.js';
import { cacheRoot } from '../runner/images/cache.js';
import { runInGuest, vmtest } from './support/cli.js';
import { sh } from './support/exec.js';

const SYSTEMD = '/lib/systemd/systemd';

test('with nothing named, the guest is micro', async () => {
  const { code, stdout, stderr } = await vmtest(['run', '--', 'cat', '/etc/os-release']);
  expect(code, stderr).toBe(0);
  expect(stdout).toContain('PRETTY_NAME="vmtest guest"');
});

test('debian-12 runs a command on a root whose writes are lost', async () => {
  const script = 'cat /etc/os-release; touch /usr/new && echo written; awk "BEGIN { print 6 * 7 }"; id -un messagebus';
  const { code, stdout, stderr } = await runInGuest(script, ['--image', 'debian-12']);
  expect(code, stderr).toBe(0);
  expect(stdout).toContain('VERSION_CODENAME=bookworm');
  expect(stdout).toContain('written\n42\nmessagebus\n');
});

test("debian-12 loads any module of its kernel, and knows its packages' names", async () => {
  const { code, stdout, stderr } = await runInGuest(
    'modprobe btrfs && grep -w btrfs /proc/filesystems; dpkg -l systemd',
    ['--image', 'debian-12'],
  );
  expect(code, stderr).toBe(0);
  expect(stdout).toMatch(/btrfs/);
  expect(stdout).toMatch(/^ii {2}systemd /m);
});

const FAILING = '[Unit]\nDescription=Made to fail\n[Service]\nType=oneshot\nExecStart=/bin/false\n';

/** Waits for the end of the boot, as users do. */
async function systemState(machine: Vm): Promise<string> {
  return (await sh(machine, 'systemctl is-system-running --wait')).stdout.trim();
}

test('debian-12 under systemd: all units run, and one that fails is seen', async ({ bootVm }) => {
  const machine = await bootVm({ image: 'debian-12', init: SYSTEMD, memoryMib: 1024 });
  const state = await systemState(machine);
  const { stdout: failed } = await sh(machine, 'systemctl list-units --failed --plain --no-legend');
  expect(failed).toBe('');
  expect(state).toBe('running');
  expect((await sh(machine, 'cat /proc/1/comm')).stdout).toBe('systemd\n');

  await machine.agent.putFile(Buffer.from(FAILING), '/run/systemd/system/made-to-fail.service');
  const { exitCode, stderr } = await sh(machine, 'systemctl daemon-reload; systemctl start made-to-fail.service');
  expect(exitCode).toBe(1);
  expect(stderr).toContain('Job for made-to-fail.service failed');
  expect(await systemState(machine)).toBe('degraded');
  const { stdout: now } = await sh(machine, 'systemctl list-units --failed --plain --no-legend');
  expect(now).toContain('made-to-fail.service');
});

test('an unknown image: the nearest names', { tag: '@host' }, async () => {
  const { code, stderr } = await vmtest(['run', '--image', 'debain-12', '--', 'true']);
  expect(code).toBe(2);
  expect(stderr).toContain('there is no image "debain-12"; known are debian-12,');
});

test('an image by its digest: that one and no other', async () => {
  const { stdout: path } = await vmtest(['images', 'path', 'micro']);
  const digest = basename(path.trim());
  const right = await vmtest(['run', '--image', `micro@${digest.slice(0, 12)}`, '--dry-run', '--', 'true']);
  expect(right.code, right.stderr).toBe(0);
  const short = await vmtest(['run', '--image', 'micro@0f3a', '--', 'true']);
  expect(short.code).toBe(2);
  expect(short.stderr).toContain('"micro@0f3a": what stands behind "@" is no digest');
  const wrong = await vmtest(['run', '--image', `micro@sha256:${'0'.repeat(64)}`, '--', 'true']);
  expect(wrong.code).toBe(125);
  expect(wrong.stderr).toContain(`the store has ${digest}, not 000`);
});

// The lab has no network to get another one from.
test('a damaged image is set aside and never booted', { tag: '@native' }, async () => {
  // A store of its own, where there is no network to fetch what is missing.
  const own = test.info().outputPath('cache');
  const shared = cacheRoot(process.env);
  await cp(join(shared, 'images/micro'), join(own, 'images/micro'), { recursive: true });
  const reference = JSON.parse(await readFile(join(own, 'images/micro/x86_64.json'), 'utf8')) as { manifest: string };
  const text = await readFile(join(shared, 'blobs', reference.manifest), 'utf8');
  const { files } = JSON.parse(text) as { files: { path: string; sha256: string; size: number }[] };
  for (const digest of [reference.manifest, ...files.map(({ sha256 }) => sha256)]) {
    await cp(join(shared, 'blobs', digest), join(own, 'blobs', digest));
  }
  const kernel = files.find(({ path }) => path === 'kernel');
  await truncate(join(own, 'blobs', kernel?.sha256 ?? ''), (kernel?.size ?? 0) - 1);

  const { code, stderr } = await vmtest(['run', '--', 'true'], { env: { VMTEST_CACHE: own } });
  expect(code, stderr).toBe(125);
  expect(stderr).toMatch(/cannot fetch/);
  expect(await readdir(join(own, 'bad'))).toEqual([expect.stringContaining(kernel?.sha256 ?? 'none')]);
});
