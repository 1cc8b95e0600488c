import { execFile } from 'node:child_process';
import { closeSync, existsSync, fstatSync, openSync, readdirSync, readlinkSync, readSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Worker } from 'node:worker_threads';
import { describe, expect, it } from 'vitest';
import { deferred } from '../../deadline.js';
import { addonPaths, loadAddon } from './addon.js';
import type { AddonError, Child, ProcessExit, SpawnOptions } from './native.js';

const PYTHON = '/usr/bin/python3';
const CHILD = fileURLToPath(new URL('testing/packet-child.py', import.meta.url));
const SIGKILL = 9;
const SIGUSR1 = 10;

const addon = loadAddon();

interface Running {
  child: Child;
  /** The next packet; rejects when the channel ends first. */
  next(): Promise<{ text: string; fds: number[] }>;
  ended: Promise<Error | null>;
  exited: Promise<ProcessExit>;
  /** What was called, in order. */
  calls: string[];
}

function start(args: string[], options: Partial<SpawnOptions> = {}): Running {
  const packets: { text: string; fds: number[] }[] = [];
  const waiting: ((packet: { text: string; fds: number[] }) => void)[] = [];
  const ended = deferred<Error | null>();
  const exited = deferred<ProcessExit>();
  const calls: string[] = [];
  const child = addon.spawnWithChannel({
    file: PYTHON,
    args: [CHILD, ...args],
    env: [],
    stderr: 2,
    onMessage(text, fds) {
      calls.push('message');
      const receiver = waiting.shift();
      if (receiver === undefined) packets.push({ text, fds });
      else receiver({ text, fds });
    },
    onChannelEnd(error) {
      calls.push('end');
      ended.resolve(error);
    },
    onExit(exit) {
      calls.push('exit');
      exited.resolve(exit);
    },
    ...options,
  });
  const next = () =>
    new Promise<{ text: string; fds: number[] }>((resolve, reject) => {
      const packet = packets.shift();
      if (packet !== undefined) return resolve(packet);
      waiting.push(resolve);
      void exited.promise.then((exit) => reject(new Error(`the child ended: ${JSON.stringify(exit)}`)));
    });
  return { child, next, ended: ended.promise, exited: exited.promise, calls };
}

/** Runs a script in a Node of its own, with `addon` loaded and `start(args, handlers)` defined. */
function inNode(script: string): Promise<{ code: number | null; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    const process = execFile(globalThis.process.execPath, ['-e', PRELUDE + script], (_error, stdout, stderr) =>
      resolve({ code: process.exitCode, stdout, stderr }),
    );
  });
}

const PRELUDE = `
const addon = require(${JSON.stringify(addonPaths().find((path) => existsSync(path)))});
const start = (args, handlers) => addon.spawnWithChannel({
  file: ${JSON.stringify(PYTHON)}, args: [${JSON.stringify(CHILD)}, ...args], env: [], stderr: 2,
  onMessage() {}, onChannelEnd() {}, onExit() {}, ...handlers,
});
`;

/** The descriptors of this process that the addon could have made. */
function openDescriptors(): string[] {
  return readdirSync('/proc/self/fd')
    .map((fd) => {
      try {
        return readlinkSync(`/proc/self/fd/${fd}`);
      } catch {
        return ''; // the directory's own
      }
    })
    .filter((target) => /^socket:|pidfd|\/dev\/null/.test(target))
    .sort();
}

function read(fd: number): string {
  const buffer = Buffer.alloc(100);
  return buffer.toString('utf8', 0, readSync(fd, buffer));
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

function thrown(act: () => unknown): AddonError {
  try {
    act();
  } catch (error) {
    return error as AddonError;
  }
  throw new Error('nothing was thrown');
}

describe('a child', () => {
  it('answers, and ends when its channel is closed', async () => {
    const { child, next, exited, calls } = start(['echo']);
    child.send('{"wörld":"€"}', []);
    expect(await next()).toEqual({ text: '{"wörld":"€"}', fds: [] });
    child.closeChannel();
    child.closeChannel();
    expect(await exited).toEqual({ code: 0, signal: null });
    expect(calls).toEqual(['message', 'exit']);
  });

  it('gets four descriptors, its own arguments and environment, and a session', async () => {
    const spare = openSync('/dev/zero', 'r');
    const { next, exited } = start(['report', 'one', 'two words'], { env: ['A=1', 'LC_ALL=C'] });
    const [descriptors, args, environment, session] = (await next()).text.split('\n');
    closeSync(spare);
    expect(descriptors).toMatch(/^0=\/dev\/null 1=\/dev\/null 2=\S+ 3=socket$/);
    expect(args).toBe('one two words');
    expect(environment).toBe("[(b'A', b'1'), (b'LC_ALL', b'C')]");
    expect(session).toBe('True');
    await exited;
  });

  it('has default signal handlers and no mask', async () => {
    const [ours, theirs] = addon.streamPair();
    const { exited } = start([], { file: '/bin/sh', args: ['-c', 'grep ^Sig /proc/self/status >&2'], stderr: theirs });
    addon.closeFd(theirs);
    await exited;
    const status = read(ours);
    expect(status).toMatch(/SigBlk:\s0{16}/);
    // 32 and 33 are the C library's own.
    expect(status).toMatch(/SigIgn:\s0{7}[01][08]0{7}/);
    addon.closeFd(ours);
  });

  it('has /dev/null as its standard error by default', async () => {
    const exited = deferred<ProcessExit>();
    addon.spawnWithChannel({
      file: '/bin/sh',
      args: ['-c', '[ /proc/self/fd/2 -ef /dev/null ] && exit 9'],
      env: [],
      onMessage() {},
      onChannelEnd() {},
      onExit: exited.resolve,
    });
    expect((await exited.promise).code).toBe(9);
  });

  it('passes descriptors both ways', async () => {
    const { child, next, exited } = start(['echo']);
    const [ours, theirs] = addon.streamPair();
    child.send('take these', [theirs, theirs]);
    const { text, fds } = await next();
    expect(text).toBe('take these');
    expect(fds).toHaveLength(2);
    expect(read(ours)).toMatch(/^greetings/);
    writeSync(fds[0] as number, 'through the copy');
    for (const fd of [theirs, ...fds]) addon.closeFd(fd);
    let rest = '';
    for (let piece = read(ours); piece !== ''; piece = read(ours)) rest += piece;
    expect(rest).toMatch(/through the copy$/);
    addon.closeFd(ours);
    child.closeChannel();
    await exited;
  });

  it('says how it ended, after its last words', async () => {
    const { next, exited, ended, calls } = start(['leave', '42']);
    expect((await next()).text).toBe('last words');
    expect(await exited).toEqual({ code: 42, signal: null });
    expect(await ended).toBeNull();
    expect(calls).toEqual(['message', 'end', 'exit']);
  });

  it('can be killed, once', async () => {
    const { child, exited, ended } = start(['echo']);
    expect(child.kill(0)).toBe(true);
    expect(child.kill(SIGKILL)).toBe(true);
    expect(await exited).toEqual({ code: null, signal: SIGKILL });
    expect(await ended).toBeNull();
    expect(child.kill(SIGKILL)).toBe(false);
    child.send('too late', []);
    child.closeChannel();
    expect(thrown(() => child.send('closed', [])).code).toBe('ADDON_CLOSED');
  });

  it('may close its channel and live on', async () => {
    const { child, exited, ended, calls } = start(['deaf']);
    expect(await ended).toBeNull();
    child.send('nobody listens', []);
    child.kill(SIGKILL);
    expect(await exited).toEqual({ code: null, signal: SIGKILL });
    expect(calls).toEqual(['end', 'exit']);
  });

  it('has ended even when a process of its own holds the channel', async () => {
    const { next, exited, ended } = start(['heir']);
    expect((await next()).text).toBe('inherited');
    expect(await exited).toEqual({ code: 5, signal: null });
    expect(await ended).toBeNull();
  });

  it.each([
    ['oversized', /more than 65536 bytes/],
    ['crowded', /more than 64 descriptors/],
    ['latin1', /not UTF-8/],
  ])('that breaks the packet rules loses its channel: %s', async (script, why) => {
    const before = openDescriptors();
    const { exited, ended } = start([script]);
    const error = (await ended) as AddonError;
    expect(error.message).toMatch(why);
    expect(error.code).toBe('ADDON_PROTOCOL');
    expect((await exited).code).toBe(0);
    expect(openDescriptors()).toEqual(before);
  });
});

describe('flow control', () => {
  it('keeps thousands of packets in order', async () => {
    const { next, exited } = start(['flood', '3000']);
    for (let number = 0; number < 3000; number += 1) {
      expect((await next()).text.split(' ')[0]).toBe(String(number));
    }
    expect((await exited).code).toBe(0);
  });

  it('queues what the child does not read yet, with descriptors that may be closed at once', async () => {
    const { child, next, exited } = start(['late']);
    await next();
    const null_ = openSync('/dev/null', 'r');
    for (let number = 0; number < 1000; number += 1) {
      const copy = openSync('/dev/null', 'r');
      child.send(`${number} ${'x'.repeat(1000)}`, [copy, null_].slice(0, number % 3));
      closeSync(copy);
    }
    closeSync(null_);
    child.send('end', []);
    child.kill(SIGUSR1);
    expect((await next()).text).toBe('1000 in order');
    child.closeChannel();
    await exited;
  });

  it('holds a child back whose packets are not received', async () => {
    const [ours, theirs] = addon.streamPair();
    const { exited, calls } = start(['push', '5000'], { stderr: theirs });
    // Blocks the JavaScript thread, until the child has given up.
    const sent = Number(read(ours));
    expect(sent).toBeGreaterThan(64);
    expect(sent).toBeLessThan(1000);
    expect((await exited).code).toBe(0);
    expect(calls.filter((call) => call === 'message')).toHaveLength(sent);
    for (const fd of [ours, theirs]) addon.closeFd(fd);
  });

  it('serves fifty children at once', async () => {
    const children = Array.from({ length: 50 }, () => start(['echo']));
    for (const [number, { child }] of children.entries()) child.send(`for ${number}`, []);
    const answers = await Promise.all(children.map(({ next }) => next()));
    expect(answers.map(({ text }) => text)).toEqual(children.map((_, number) => `for ${number}`));
    for (const { child } of children) child.closeChannel();
    for (const { exited } of children) expect(await exited).toEqual({ code: 0, signal: null });
  });
});

describe('ownership', () => {
  it('survives garbage collection of everything but the callbacks', async () => {
    setFlagsFromString('--expose-gc');
    const gc = runInNewContext('gc') as () => void;
    const answer = deferred<string>();
    const exited = deferred<ProcessExit>();
    (() => {
      const child = addon.spawnWithChannel({
        file: PYTHON,
        args: [CHILD, 'leave', '3'],
        env: [],
        onMessage: (text) => answer.resolve(text),
        onChannelEnd: () => {},
        onExit: exited.resolve,
      });
      expect(child.pid).toBeGreaterThan(0);
    })();
    for (let round = 0; round < 5; round += 1) {
      gc();
      await new Promise(setImmediate);
    }
    expect(await answer.promise).toBe('last words');
    expect((await exited.promise).code).toBe(3);
    gc();
  });

  it('leaves no descriptor behind', async () => {
    await start(['leave', '0']).exited;
    const before = openDescriptors();
    for (let round = 0; round < 10; round += 1) {
      const { child, next, exited } = start(['echo']);
      const [ours, theirs] = addon.streamPair();
      child.send('with descriptors', [ours, theirs]);
      for (const fd of [ours, theirs, ...(await next()).fds]) addon.closeFd(fd);
      child.closeChannel();
      await exited;
      expect(() => start([], { file: '/no/such/program' })).toThrow();
    }
    expect(openDescriptors()).toEqual(before);
  });

  it('closes the descriptors of packets that come after closeChannel', async () => {
    const before = openDescriptors();
    const { child, exited, calls } = start(['echo']);
    const null_ = openSync('/dev/null', 'r+');
    for (let number = 0; number < 40; number += 1) child.send('again', [null_]);
    closeSync(null_);
    child.closeChannel();
    await exited;
    expect(calls.at(-1)).toBe('exit');
    expect(calls).not.toContain('end');
    expect(openDescriptors()).toEqual(before);
  });

  it('ends the children of a worker with it', async () => {
    const worker = new Worker(
      `${PRELUDE}
      const { parentPort } = require('node:worker_threads');
      const child = start(['echo'], { onMessage: () => parentPort.postMessage(child.pid) });
      child.send('are you there', []);`,
      { eval: true },
    );
    const pid = await new Promise<number>((resolve, reject) => {
      worker.once('message', resolve);
      worker.once('error', reject);
    });
    expect(isAlive(pid)).toBe(true);
    await worker.terminate();
    expect(isAlive(pid)).toBe(false);
    const { exited } = start(['leave', '1']);
    expect((await exited).code).toBe(1);
  });

  it('ends a worker in the midst of a flood', async () => {
    const before = openDescriptors();
    for (let round = 0; round < 5; round += 1) {
      const worker = new Worker(
        `${PRELUDE}
        const { parentPort } = require('node:worker_threads');
        let seen = 0;
        start(['flood', '100000'], { onMessage() { if (++seen === 100) parentPort.postMessage('enough'); } });`,
        { eval: true },
      );
      await new Promise((resolve, reject) => {
        worker.once('message', resolve);
        worker.once('error', reject);
      });
      await worker.terminate();
    }
    expect(openDescriptors()).toEqual(before);
  });

  it('ends the children with the process, whichever way that ends', async () => {
    // A child that lived on would hold the standard error of this Node open, and with it `inNode`.
    const exit = await inNode(
      `const child = start(['echo'], { onMessage: () => process.exit(7) }); child.send('x', []);`,
    );
    expect(exit).toMatchObject({ code: 7, stderr: '' });
    const kill = await inNode(
      `const child = start(['echo'], { onMessage: () => process.kill(process.pid, 'SIGKILL') }); child.send('x', []);`,
    );
    expect(kill).toMatchObject({ code: null, stderr: '' });
  });

  it('keeps Node alive as long as a child lives, and no longer', async () => {
    const { code, stdout } = await inNode(`
      const child = start(['echo'], {
        onMessage(text) { console.log(text); setImmediate(() => child.closeChannel()); },
        onExit(exit) { console.log('exit', exit.code); },
      });
      child.send('one', []);
    `);
    expect(code).toBe(0);
    expect(stdout).toBe('one\nexit 0\n');
  });

  it('makes an exception in a callback an uncaughtException, and goes on', async () => {
    const { code, stdout } = await inNode(`
      process.on('uncaughtException', (error) => console.log('uncaught', error.message));
      start(['leave', '0'], {
        onMessage() { throw new Error('mine'); },
        onExit() { Promise.resolve().then(() => console.log('exit')); },
      });
    `);
    expect(code).toBe(0);
    expect(stdout).toBe('uncaught mine\nexit\n');
  });

  it('settles promises between two callbacks', async () => {
    const { stdout } = await inNode(`
      start(['flood', '3'], {
        onMessage(text) { console.log('message', text[0]); Promise.resolve().then(() => console.log('then', text[0])); },
      });
    `);
    expect(stdout).toBe('message 0\nthen 0\nmessage 1\nthen 1\nmessage 2\nthen 2\n');
  });
});

describe('errors', () => {
  it.each([
    ['/no/such/program', 'ENOENT'],
    ['/etc/passwd', 'EACCES'],
    ['/tmp', 'EACCES'],
  ])('of starting %s', (file, errno) => {
    const error = thrown(() => start([], { file }));
    expect(error).toMatchObject({ code: 'ADDON_SYSTEM', errno, syscall: 'posix_spawn' });
    expect(error.message).toContain(errno);
  });

  it('of starting with a standard error that is closed', () => {
    expect(thrown(() => start(['echo'], { stderr: 987_654 }))).toMatchObject({ code: 'ADDON_SYSTEM', errno: 'EBADF' });
  });

  it.each<[string, Record<string, unknown>]>([
    ['file', { file: 'relative' }],
    ['file', { file: 7 }],
    ['args', { args: 'echo' }],
    ['args[1]', { args: ['a', 1] }],
    ['args[0]', { args: ['a\0b'] }],
    ['env', { env: undefined }],
    ['stderr', { stderr: -1 }],
    ['stderr', { stderr: 1.5 }],
    ['stderr', { stderr: 2 ** 40 }],
    ['onMessage', { onMessage: undefined }],
    ['onChannelEnd', { onChannelEnd: {} }],
    ['onExit', { onExit: null }],
  ])('of a bad option: %s', (name, options) => {
    const error = thrown(() => start(['echo'], options as Partial<SpawnOptions>));
    expect(error.code).toBe('ADDON_INVALID_ARGUMENT');
    expect(error.message).toContain(name);
  });

  it('of options that throw when they are read', () => {
    const throwing = {
      get: () => {
        throw new Error('from a getter');
      },
    };
    expect(thrown(() => addon.spawnWithChannel(new Proxy({}, throwing) as never)).message).toBe('from a getter');
    for (const name of ['file', 'args', 'env', 'stderr', 'onMessage', 'onChannelEnd', 'onExit']) {
      const options = { file: PYTHON, args: [], env: [], onMessage() {}, onChannelEnd() {}, onExit() {} };
      Object.defineProperty(options, name, throwing);
      expect(thrown(() => addon.spawnWithChannel(options)).message).toBe('from a getter');
    }
    const args: string[] = ['a'];
    Object.defineProperty(args, 0, throwing);
    expect(thrown(() => start([], { args })).message).toBe('from a getter');
    expect(thrown(() => addon.spawnWithChannel(undefined as never)).code).toBe('ADDON_INVALID_ARGUMENT');
  });

  it('of packets that cannot be sent', async () => {
    const { child, next, exited } = start(['echo']);
    for (const [text, fds] of [
      ['', []],
      ['x'.repeat(65_537), []],
      ['é'.repeat(32_769), []],
      ['x', Array(65).fill(0)],
      ['x', [-1]],
      ['x', ['0']],
      [7, []],
      ['x', undefined],
    ]) {
      expect(thrown(() => child.send(text as string, fds as number[])).code).toBe('ADDON_INVALID_ARGUMENT');
    }
    expect(thrown(() => child.send('x', [987_654]))).toMatchObject({
      code: 'ADDON_SYSTEM',
      errno: 'EBADF',
      syscall: 'sendmsg',
    });
    expect(thrown(() => child.kill(99)).code).toBe('ADDON_INVALID_ARGUMENT');
    child.send('x'.repeat(65_536), Array(64).fill(0));
    const { text, fds } = await next();
    expect(text).toHaveLength(65_536);
    expect(fds).toHaveLength(64);
    for (const fd of fds) addon.closeFd(fd);
    child.closeChannel();
    await exited;
  });
});

describe('descriptors', () => {
  it('makes a temporary file without a name', () => {
    const fd = addon.temporaryFile(tmpdir());
    expect(writeSync(fd, 'kept while open')).toBe(15);
    const { size, nlink, mode } = fstatSync(fd);
    expect({ size, nlink, mode: mode & 0o777 }).toEqual({ size: 15, nlink: 0, mode: 0o600 });
    addon.closeFd(fd);
    expect(thrown(() => addon.temporaryFile('/no/such/directory'))).toMatchObject({ errno: 'ENOENT' });
    expect(thrown(() => addon.temporaryFile('/etc/passwd'))).toMatchObject({ errno: 'ENOTDIR' });
  });

  it('closes what is open, and nothing of Node', () => {
    const fd = openSync('/dev/null', 'r');
    addon.closeFd(fd);
    expect(thrown(() => addon.closeFd(fd))).toMatchObject({ code: 'ADDON_SYSTEM', errno: 'EBADF', syscall: 'close' });
    for (const refused of [0, 1, 2, -1, 0.5, Number.NaN]) {
      expect(thrown(() => addon.closeFd(refused)).code).toBe('ADDON_INVALID_ARGUMENT');
    }
  });
});

describe('the loader', () => {
  it('tries VMTEST_ADDON first and names every path that it tried', () => {
    const paths = addonPaths({ VMTEST_ADDON: '/no/such/vmtest.node' });
    expect(paths[0]).toBe('/no/such/vmtest.node');
    expect(paths[1]).toMatch(/build\/release\/addon\/vmtest\.node$/);
    expect(addonPaths({})).toEqual(paths.slice(1));
  });

  it('falls back to what was built, or says what is wrong with each', () => {
    try {
      expect(loadAddon({ VMTEST_ADDON: '/no/such/vmtest.node' })).toHaveProperty('spawnWithChannel');
    } catch (error) {
      expect(error).toMatchObject({ code: 'ADDON_NOT_FOUND' });
      expect((error as Error).message).toContain('/no/such/vmtest.node: ');
      expect((error as Error).message).toContain('build/release/addon/vmtest.node: ');
    }
  });
});
