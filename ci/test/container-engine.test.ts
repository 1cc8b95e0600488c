/** Which engine ./test_all takes: engines that are scripts. */
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { afterEach, beforeEach, expect, it } from 'vitest';

const SCRIPT = fileURLToPath(new URL('../container-engine', import.meta.url));

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'vmtest-engine-'));
  for (const tool of ['bash', 'timeout', 'true']) {
    await writeFile(join(directory, tool), `#!/bin/sh\nexec /usr/bin/${tool} "$@"\n`);
    await chmod(join(directory, tool), 0o755);
  }
});
afterEach(() => rm(directory, { recursive: true, force: true }));

async function engine(name: string, body: string): Promise<void> {
  await writeFile(join(directory, name), `#!/bin/sh\n${body}\n`);
  await chmod(join(directory, name), 0o755);
}

const ask = () =>
  execa('/usr/bin/bash', [SCRIPT, 'some:image'], { env: { PATH: directory }, extendEnv: false, reject: false });

const WORKS = 'case "$*" in info|"run --rm --network=none some:image true") echo noise; exit 0 ;; esac; exit 9';

it('is the one that runs a container, docker first', async () => {
  await engine('podman', WORKS);
  expect(await ask()).toMatchObject({ exitCode: 0, stdout: 'podman', stderr: '' });
  await engine('docker', WORKS);
  expect(await ask()).toMatchObject({ exitCode: 0, stdout: 'docker', stderr: '' });
  await engine('docker', 'echo no daemon >&2; exit 1');
  expect(await ask()).toMatchObject({ exitCode: 0, stdout: 'podman', stderr: '' });
});

it('is none where none works, and one line says why', async () => {
  expect(await ask()).toMatchObject({ exitCode: 1, stdout: '', stderr: 'there is neither docker nor podman' });
  await engine('docker', 'echo first >&2; echo no daemon >&2; exit 1');
  await engine('podman', '[ "$1" = info ] && exit; echo crun: not permitted >&2; exit 126');
  expect(await ask()).toMatchObject({
    exitCode: 1,
    stdout: '',
    stderr: 'docker: no daemon; podman: crun: not permitted',
  });
});
