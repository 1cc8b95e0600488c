/** Images packed, published with the real npm to a real registry, and pulled by the command. */
import { readFileSync, watch } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createCleanup } from '../../cleanup.js';
import type { Cache } from '../cache.js';
import { findImage, type StoredImage } from '../store/images.js';
import { listTree } from '../testing/directory.js';
import { packImage } from './pack.js';
import { pullImage } from './pull.js';
import { FILES, putMicro } from './testing/image.js';
import { npmHome } from './testing/npmrc.js';
import { tarballOf } from './testing/tarball.js';
import { packument, serve } from './testing/tiny-registry.js';
import { startVerdaccio, type Verdaccio } from './testing/verdaccio.js';

const MAIN = fileURLToPath(new URL('../../cli/main.ts', import.meta.url));
const MICRO = { name: 'micro', arch: 'x86_64', version: '1.0.0' } as const;

let shared: string;
let registry: Verdaccio;
let token: string;
/** Of the version that a pull is to give. */
let published: StoredImage;
let tarball: string;

/** Settings with which the packages are found, and may be had where the token is one. */
const settings = (auth: string | undefined = token): string[] => [
  `@vmtest:registry=${registry.url}`,
  'fetch-retries=0',
  `//${registry.host}/:_authToken=${auth}`,
];

async function publish(path: string): Promise<void> {
  const env = await npmHome(join(shared, 'publisher'), settings());
  await execa('npm', ['publish', path], { cwd: shared, env, extendEnv: false, stdin: 'ignore' });
}

beforeAll(async () => {
  shared = await mkdtemp(join(tmpdir(), 'vmtest-npm-'));
  registry = await startVerdaccio(join(shared, 'verdaccio'));
  token = await registry.addUser('publisher');
  const store: Cache = { root: join(shared, 'store'), cleanup: createCleanup() };
  for (const version of ['1.0.0', '1.1.0', '2.0.0']) {
    const image = await putMicro(store, version, { ...FILES, agent: `the agent ${version}` });
    const path = await packImage(store, image, { out: shared });
    await publish(path);
    if (version === '1.1.0') [published, tarball] = [image, path];
  }
  // One that says to be for another machine than it is.
  const lie = await tarballOf([
    { name: 'package/package.json', data: JSON.stringify({ name: '@vmtest/image-micro-aarch64', version: '1.0.0' }) },
    { name: 'package/manifest.json', data: await readFile(join(store.root, 'blobs', published.digest)) },
  ]);
  await writeFile(join(shared, 'lie.tgz'), lie);
  await publish(join(shared, 'lie.tgz'));
}, 120_000);
afterAll(async () => {
  await registry?.[Symbol.asyncDispose]();
  await rm(shared, { recursive: true, force: true });
});

let root: string;
let cache: Cache;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'vmtest-pull-'));
  cache = { root: join(root, 'cache'), cleanup: createCleanup() };
});
afterEach(() => rm(root, { recursive: true, force: true }));

/** The command, in a project without an npmrc of its own. */
async function vmtest(args: readonly string[], npmrc: readonly string[] = settings()) {
  const env = { ...(await npmHome(join(root, 'home'), npmrc)), VMTEST_CACHE: cache.root };
  const command = ['--import', import.meta.resolve('tsx'), MAIN, ...args];
  return execa(process.execPath, command, { cwd: root, env, extendEnv: false, reject: false, stdin: 'ignore' });
}

async function pull(npmrc: readonly string[]) {
  return pullImage(cache, MICRO, { env: await npmHome(join(root, 'home'), npmrc), cwd: root });
}

describe('images pull', () => {
  it('gets the newest of the major into an empty cache, with the digest that it had', async () => {
    const pulled = await vmtest(['images', 'pull', 'micro', '--arch', 'x86_64']);
    expect(pulled).toMatchObject({ exitCode: 0, stdout: `micro x86_64: ${published.digest}` });
    expect(pulled.stderr).toBe(`vmtest: fetching @vmtest/image-micro-x86_64@1.1.0 from ${registry.host}`);
    expect(await vmtest(['images', 'verify'])).toMatchObject({ exitCode: 0, stdout: 'micro x86_64: whole' });
    const packed = await vmtest(['images', 'pack', 'micro', '--arch', 'x86_64']);
    expect(packed).toMatchObject({ exitCode: 0, stdout: join(root, 'vmtest-image-micro-x86_64-1.1.0.tgz') });
    expect(readFileSync(packed.stdout).equals(readFileSync(tarball))).toBe(true);
    expect(await readdir(join(root, 'home'))).toEqual(['.npmrc']);
    expect(await readdir(join(cache.root, 'tmp'))).toEqual([]);
  });

  it('reads the npmrc of the project as well', async () => {
    const project = join(root, 'project');
    await mkdir(project);
    await writeFile(join(project, 'package.json'), '{}');
    await writeFile(join(project, '.npmrc'), settings().join('\n'));
    const outcome = await pullImage(cache, MICRO, { env: await npmHome(join(root, 'home'), []), cwd: project });
    expect(outcome).toEqual({ kind: 'pulled', digest: published.digest, version: '1.1.0' });
  });

  it('says in one line that there is none, that it may not, and that no registry is there', async () => {
    const none = await vmtest(
      ['images', 'pull', 'micro', '--arch', 'x86_64'],
      ['registry=http://127.0.0.1:1/', 'fetch-retries=0'],
    );
    expect(none).toMatchObject({ exitCode: 125, stdout: '' });
    expect(none.stderr).toMatch(
      /^vmtest: cannot pull the image micro for x86_64: .*127\.0\.0\.1:1 is out of reach: .*ECONNREFUSED.*; build it with `vmtest images build micro --arch x86_64`$/,
    );
    const unknown = await vmtest(['images', 'pull', 'mikro']);
    expect(unknown.exitCode).toBe(2);
    expect(unknown.stderr).toMatch(/^vmtest: there is no image "mikro"; known are micro, /);
    expect(await pull(settings('wrong'))).toEqual({
      kind: 'unavailable',
      reason: expect.stringMatching(/refused: it answers 401/),
    });
    expect(await pull(['@vmtest:registry=http://127.0.0.1:1/', 'fetch-retries=0'])).toMatchObject({
      kind: 'unavailable',
    });
    const env = await npmHome(join(root, 'home'), settings());
    for (const other of [
      { ...MICRO, name: 'none' },
      { ...MICRO, version: '3.0.0' },
    ]) {
      const outcome = await pullImage(cache, other, { env, cwd: root });
      expect(outcome).toEqual({ kind: 'unavailable', reason: expect.stringMatching(/has no such package/) });
    }
    expect(await pull([`@vmtest:registry=${registry.url}`, 'fetch-retries=0'])).toEqual({
      kind: 'unavailable',
      reason: expect.stringMatching(/refused: it answers 40[13]/),
    });
  });

  it('says that a package lies, and takes nothing of it', async () => {
    const pulled = await vmtest(['images', 'pull', 'micro', '--arch', 'aarch64']);
    expect(pulled).toMatchObject({ exitCode: 125, stdout: '' });
    expect(pulled.stderr.split('\n').at(-1)).toMatch(
      /^vmtest: the package @vmtest\/image-micro-aarch64@1\.0\.0 is not/,
    );
    expect(await listTree(cache.root)).toEqual(['tmp']);
  });

  it('refuses a tarball that is not the one that was published', async () => {
    const directory = join(registry.storage, '@vmtest/image-micro-x86_64');
    const path = join(directory, 'image-micro-x86_64-1.1.0.tgz');
    const whole = await readFile(path);
    try {
      const spoilt = Buffer.from(whole);
      spoilt[spoilt.length >> 1] = (spoilt[spoilt.length >> 1] ?? 0) ^ 1;
      await writeFile(path, spoilt);
      await expect(pull(settings())).rejects.toMatchObject({
        code: 'VMTEST_IMAGE',
        message: expect.stringContaining('its checksum differs'),
      });
    } finally {
      await writeFile(path, whole);
    }
    expect(await listTree(cache.root)).toEqual(['tmp']);
    expect(await pull(settings())).toMatchObject({ kind: 'pulled' });
  });

  it('may be done by two processes at once', async () => {
    const both = await Promise.all([1, 2].map(() => vmtest(['images', 'pull', 'micro', '--arch', 'x86_64'])));
    for (const each of both) expect(each).toMatchObject({ exitCode: 0, stdout: `micro x86_64: ${published.digest}` });
    expect(await readdir(join(cache.root, 'blobs'))).toHaveLength(4);
    expect(await readdir(join(cache.root, 'tmp'))).toEqual([]);
    expect(await findImage(cache, 'micro', 'x86_64', { thorough: true })).toBeDefined();
  });
});

describe('images pull that is killed', () => {
  /** Runs the command until `moment`, kills it, and looks at the store. */
  async function killAt(npmrc: readonly string[], moment: Promise<unknown>): Promise<void> {
    const env = { ...(await npmHome(join(root, 'home'), npmrc)), VMTEST_CACHE: cache.root };
    const command = ['--import', import.meta.resolve('tsx'), MAIN, 'images', 'pull', 'micro', '--arch', 'x86_64'];
    const child = execa(process.execPath, command, {
      cwd: root,
      env,
      extendEnv: false,
      reject: false,
      stdin: 'ignore',
    });
    await Promise.race([moment, child]);
    child.kill('SIGKILL');
    await child;
    expect(await vmtest(['images', 'verify'])).toMatchObject({ exitCode: 0 });
    // What it left is removed by the next one, when it is old enough not to be that of another machine.
    const old = new Date(Date.now() - 7_200_000);
    for (const name of await readdir(join(cache.root, 'tmp'))) await utimes(join(cache.root, 'tmp', name), old, old);
    expect(await pull(settings())).toMatchObject({ kind: 'pulled', digest: published.digest });
    expect(await readdir(join(cache.root, 'tmp'))).toEqual([]);
    expect(await findImage(cache, 'micro', 'x86_64', { thorough: true })).toBeDefined();
  }

  it('in the middle of the download leaves a store that is whole', async () => {
    const data = await readFile(tarball);
    let stalled = (): void => {};
    const moment = new Promise<void>((resolve) => {
      stalled = resolve;
    });
    await using slow = await serve((request, response) => {
      const said = packument('@vmtest/image-micro-x86_64', '1.1.0', data, request.headers.host ?? '');
      if (request.url !== '/tarball.tgz') return void response.end(JSON.stringify(said));
      response.write(data.subarray(0, data.length / 2), stalled);
    });
    await killAt([`@vmtest:registry=${slow.url}`], moment);
  });

  it('while it fills the store leaves one that is whole', async () => {
    const blobs = join(cache.root, 'blobs');
    await mkdir(blobs, { recursive: true });
    const watcher = watch(blobs);
    try {
      await killAt(settings(), new Promise((resolve) => watcher.once('change', resolve)));
    } finally {
      watcher.close();
    }
  });

  it('says what is wrong with a store where the image was spoilt', async () => {
    await pull(settings());
    await rm(join(cache.root, 'blobs', published.manifest.files[0]?.sha256 ?? ''));
    expect(await vmtest(['images', 'verify'])).toMatchObject({ exitCode: 125, stdout: 'micro x86_64: not whole' });
    expect(await pull(settings())).toMatchObject({ digest: published.digest });
    expect(await vmtest(['images', 'verify'])).toMatchObject({ exitCode: 0 });
  });
});
