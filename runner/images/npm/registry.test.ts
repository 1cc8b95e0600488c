/** Registries that lie, break off or say nothing; a whole one is in pull.test.ts. */
import { mkdir, mkdtemp, readdir, readFile, rm, utimes } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createCleanup } from '../../cleanup.js';
import { deferred } from '../../deadline.js';
import { VmtestError } from '../../errors.js';
import type { Cache } from '../cache.js';
import { listTree } from '../testing/directory.js';
import { packImage } from './pack.js';
import { type PullOptions, pullImage } from './pull.js';
import { putMicro } from './testing/image.js';
import { npmHome } from './testing/npmrc.js';
import { type Answer, type Packument, packument, serve } from './testing/tiny-registry.js';

const NAME = '@vmtest/image-micro-x86_64';
const MICRO = { name: 'micro', arch: 'x86_64', version: '1.2.3' } as const;

let root: string;
let cache: Cache;
let tarball: Buffer;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'vmtest-registry-'));
  cache = { root: join(root, 'cache'), cleanup: createCleanup() };
  const source: Cache = { ...cache, root: join(root, 'source') };
  tarball = await readFile(await packImage(source, await putMicro(source), { out: root }));
});
afterEach(() => rm(root, { recursive: true, force: true }));

async function pullFrom(answer: Answer, npmrc: readonly string[] = [], options: PullOptions = {}) {
  await using registry = await serve(answer);
  const env = await npmHome(join(root, 'home'), [`@vmtest:registry=${registry.url}`, 'fetch-retries=0', ...npmrc]);
  const outcome = await pullImage(cache, MICRO, { env, cwd: root, ...options }).catch((error: unknown) => error);
  // Whatever happens: no scratch files, and npm's own cache as it was.
  expect(await readdir(join(cache.root, 'tmp'))).toEqual([]);
  expect(await readdir(join(root, 'home'))).toEqual(['.npmrc']);
  return { outcome, asked: registry.asked };
}

/** A registry with a whole package, but for what the test changes. */
const honest =
  (change: (said: Packument) => unknown = () => {}, data: () => Buffer = () => tarball): Answer =>
  (request, response) => {
    if (request.url === '/tarball.tgz') return void response.end(data());
    const said = packument(NAME, '1.0.0', tarball, request.headers.host ?? '');
    const changed = change(said);
    response.end(typeof changed === 'string' ? changed : JSON.stringify(said));
  };

const version = (said: Packument) => said.versions['1.0.0'] as Packument['versions'][string];

describe('a registry', () => {
  it('gives a package, of which nothing but the store remains', async () => {
    const { outcome, asked } = await pullFrom(honest());
    expect(outcome).toMatchObject({ kind: 'pulled', version: '1.0.0' });
    expect(asked).toEqual([`/${NAME.replace('/', '%2f')}`, '/tarball.tgz']);
    expect((await listTree(join(cache.root, 'blobs'))).length).toBe(4);
  });

  const lies: readonly (readonly [what: string, answer: Answer, message: RegExp])[] = [
    ['has other bytes', honest(undefined, () => gzipSync(Buffer.alloc(1000))), /its checksum differs/],
    ['has fewer bytes', honest(undefined, () => tarball.subarray(0, 1000)), /its checksum differs/],
    ['has more bytes', honest(undefined, () => Buffer.concat([tarball, Buffer.alloc(1 << 20)])), /checksum differs/],
    [
      'has a checksum of no use',
      honest((said) => Object.assign(version(said).dist, { integrity: 'sha512-x' })),
      /has no checksum|its checksum differs/,
    ],
    ['has no checksum', honest((said) => Object.assign(version(said).dist, { integrity: undefined })), /no checksum/],
    [
      'has no tarball',
      honest((said) => Object.assign(version(said).dist, { tarball: undefined })),
      /where the tarball/,
    ],
    [
      'gives a file of this machine',
      honest((said) => Object.assign(version(said).dist, { tarball: 'file:///etc/passwd' })),
      /says of .* what is not usable/,
    ],
    [
      'gives a repository as a tarball',
      honest((said) => Object.assign(version(said).dist, { tarball: 'git+file:///nowhere' })),
      /says of .* what is not usable/,
    ],
    [
      'gives a program to be run as a version',
      honest((said) => Object.assign(version(said), { version: 'git+file:///nowhere' })),
      /what is not usable|as the version/,
    ],
    ['gives another package', honest((said) => Object.assign(version(said), { name: 'left-pad' })), /"left-pad"/],
    ['gives nothing', honest(() => 'null'), /what is not usable/],
  ];
  it.each(lies)('that %s is believed nothing', async (_, answer, message) => {
    const { outcome } = await pullFrom(answer);
    expect(outcome).toBeInstanceOf(VmtestError);
    expect(outcome).toMatchObject({ code: 'VMTEST_IMAGE', message: expect.stringMatching(message) });
    expect((outcome as Error).message).toMatch(/^[^\p{C}]{1,400}$/u);
    expect(await readdir(cache.root)).toEqual(['tmp']);
  });

  const status =
    (code: number): Answer =>
    (_, response) =>
      void response.writeHead(code).end('{}');
  const away: readonly (readonly [what: string, answer: Answer, reason: RegExp])[] = [
    ['has no such package', status(404), /has no such package/],
    ['has no such version', honest((said) => JSON.stringify({ ...said, versions: {} })), /has no such package/],
    ['has only other majors', honest((said) => JSON.stringify(said).replaceAll('1.0.0', '2.0.0')), /no such package/],
    ['wants a login', status(401), /refused: it answers 401; see `npm login`/],
    ['forbids it', status(403), /refused: it answers 403/],
    ['is broken', status(500), /answers 500/],
    ['is a page to sign in', (_, response) => void response.end('<html>'), /out of reach: .*JSON/],
    ['goes in a circle', (_, response) => void response.writeHead(302, { location: '/x' }).end(), /out of reach/],
    ['hangs up', (request) => void request.socket.destroy(), /out of reach/],
    [
      'hangs up in the middle',
      (request, response) => {
        if (request.url !== '/tarball.tgz') return honest()(request, response);
        response.writeHead(200, { 'content-length': tarball.length });
        response.write(tarball.subarray(0, 1000), () => request.socket.destroy());
      },
      /out of reach/,
    ],
  ];
  it.each(away)('that %s leaves the caller to build the image', async (_, answer, reason) => {
    const { outcome } = await pullFrom(answer);
    expect(outcome).toEqual({ kind: 'unavailable', reason: expect.stringMatching(reason) });
    expect((outcome as { reason: string }).reason).toMatch(/^[^\p{C}]{1,400}$/u);
    expect(await readdir(cache.root)).toEqual(['tmp']);
  });

  it('that says nothing is given up, at first and in the middle', async () => {
    const { outcome } = await pullFrom(() => {}, ['fetch-timeout=300']);
    expect(outcome).toEqual({ kind: 'unavailable', reason: expect.stringMatching(/out of reach|took over 0\.3 s/) });
    const held: ServerResponse[] = [];
    const stall: Answer = (request, response) => {
      if (request.url !== '/tarball.tgz') return honest()(request, response);
      response.write(tarball.subarray(0, 1000));
      held.push(response);
    };
    const second = await pullFrom(stall, ['fetch-timeout=2000']);
    expect(second.outcome).toEqual({ kind: 'unavailable', reason: expect.stringMatching(/out of reach/) });
    expect(held).toHaveLength(1);
  });

  it('is left at once when the caller is asked to stop', async () => {
    const reason = new VmtestError('VMTEST_INTERRUPTED', 'interrupted');
    for (const path of ['/tarball.tgz', `/${NAME.replace('/', '%2f')}`]) {
      const stop = new AbortController();
      const stall: Answer = (request, response) => {
        if (request.url !== path) return honest()(request, response);
        stop.abort(reason);
      };
      expect((await pullFrom(stall, [], { signal: stop.signal })).outcome).toBe(reason);
    }
  });

  it('is tried again when it fails', async () => {
    let failures = 2;
    const { outcome, asked } = await pullFrom(
      (request, response) => {
        failures -= 1;
        if (failures < 0) return honest()(request, response);
        response.writeHead(503).end();
      },
      ['fetch-retries=2', 'fetch-retry-mintimeout=1', 'fetch-retry-maxtimeout=1'],
    );
    expect(outcome).toMatchObject({ kind: 'pulled' });
    expect(asked).toHaveLength(4);
  });

  it('is not asked when npm is told to work offline, or its settings are of no use', async () => {
    const offline = await pullFrom(honest(), ['offline=true']);
    expect(offline).toEqual({ outcome: { kind: 'unavailable', reason: expect.stringMatching(/offline/) }, asked: [] });
    const bare = await pullFrom(honest(), ['_authToken=secret']);
    expect(bare).toEqual({
      outcome: { kind: 'unavailable', reason: expect.stringMatching(/^npm's settings are not usable: (?!.*secret)/) },
      asked: [],
    });
  });

  it('keeps credentials out of messages', async () => {
    const env = await npmHome(join(root, 'home'), [
      '@vmtest:registry=http://user:secret@127.0.0.1:1/',
      'fetch-retries=0',
    ]);
    const outcome = await pullImage(cache, MICRO, { env, cwd: root });
    expect(outcome).toEqual({ kind: 'unavailable', reason: expect.stringMatching(/127\.0\.0\.1:1 is out of reach/) });
    expect(JSON.stringify(outcome)).not.toContain('secret');
  });

  it('is fetched from by two at once, who share what they get', async () => {
    const both = deferred<void>();
    let waiting = 0;
    const meet: Answer = (request, response) => {
      if (request.url !== '/tarball.tgz') return honest()(request, response);
      waiting += 1;
      if (waiting === 2) both.resolve();
      void both.promise.then(() => response.end(tarball));
    };
    await using registry = await serve(meet);
    const env = await npmHome(join(root, 'home'), [`@vmtest:registry=${registry.url}`]);
    const [first, second] = await Promise.all([1, 2].map(() => pullImage(cache, MICRO, { env, cwd: root })));
    expect(first).toMatchObject({ kind: 'pulled' });
    expect(second).toEqual(first);
    expect((await listTree(join(cache.root, 'blobs'))).length).toBe(4);
  });

  it('sweeps what a killed process left, once that is old', async () => {
    await pullFrom(honest());
    const left = join(cache.root, 'tmp', `${2 ** 22 + 1}-abc`);
    await mkdir(left);
    const old = new Date(Date.now() - 7_200_000);
    await utimes(left, old, old);
    await pullFrom(honest());
  });
});
