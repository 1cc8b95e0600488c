import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { ExecOptions } from './exec-options.js';
import { isRoot, startAgent, type TestAgent } from './testing/agent-fixture.js';

let agent: TestAgent;
beforeAll(async () => {
  agent = await startAgent();
});
afterEach(async () => agent.expectIdle());
afterAll(async () => agent[Symbol.asyncDispose]());

const sh = (script: string, options: ExecOptions<'text'> = {}) => agent.client.exec(['sh', '-c', script], options);

describe('how a command ends', () => {
  test.each([0, 1, 7, 126, 127, 255])('exit code %i', async (code) => {
    const result = await sh(`exit ${code}`).result;
    expect(result).toMatchObject({ exitCode: code, signal: undefined, failed: code !== 0, timedOut: false });
  });

  test.each([
    ['SIGKILL', 9],
    ['SIGTERM', 15],
    ['SIGUSR1', 10],
    ['SIG40', 40],
  ])('by %s', async (name, number) => {
    const result = await sh(`kill -${number} $$`).result;
    expect(result).toMatchObject({ exitCode: undefined, signal: number, signalName: name, failed: true });
  });

  test('the output is whole before the end', async () => {
    const result = await sh('echo out; echo err >&2; echo more').result;
    expect(result).toMatchObject({ stdout: 'out\nmore\n', stderr: 'err\n', stdoutTruncated: false });
  });

  test('bytes come back as bytes', async () => {
    const { stdout } = await agent.client.exec(['printf', '\\377\\000x'], { capture: 'bytes' }).result;
    expect([...stdout]).toEqual([0xff, 0, 0x78]);
  });

  test('what is captured has a limit, and the command does not notice', async () => {
    const result = await sh('head -c 3000000 /dev/zero; echo end >&2', { maxCapture: 1000 }).result;
    expect(result.stdout.length).toBe(1000);
    expect(result).toMatchObject({ stdoutTruncated: true, stderrTruncated: false, stderr: 'end\n', exitCode: 0 });
  });

  test('a closed stdout does not end the command', async () => {
    const result = await sh('exec >&-; echo still >&2; exit 3').result;
    expect(result).toMatchObject({ stdout: '', stderr: 'still\n', exitCode: 3 });
  });
});

describe('a command that cannot be started', () => {
  test.each<[string, string[], ExecOptions<'text'>, string, string]>([
    ['no such program', ['no-such-program'], {}, 'exec', 'ENOENT'],
    ['no such file', ['/no/such/program'], {}, 'exec', 'ENOENT'],
    ['a directory', ['/'], {}, 'exec', 'EACCES'],
    ['not executable', ['/etc/passwd'], {}, 'exec', 'EACCES'],
    ['no such directory', ['true'], { cwd: '/no/such/directory' }, 'cwd', 'ENOENT'],
    ['a directory that is a file', ['true'], { cwd: '/etc/passwd' }, 'cwd', 'ENOTDIR'],
    ['no such user', ['true'], { user: 'no-such-user' }, 'user', 'ENOENT'],
    ['no such group', ['true'], { user: 'root:no-such-group' }, 'user', 'ENOENT'],
    ['nothing on an empty PATH', ['true'], { env: { PATH: '/no' } }, 'exec', 'ENOENT'],
  ])('%s', async (_name, argv, options, stage, errno) => {
    const process = agent.client.exec(argv, options);
    const wanted = { code: 'VMTEST_AGENT_EXEC', context: { stage, errno } };
    await expect(process.result).rejects.toMatchObject(wanted);
    await expect(process.started).rejects.toMatchObject(wanted);
  });

  test('a file that is not a program', async () => {
    const path = join(agent.directory, 'not-a-program');
    await writeFile(path, 'echo no interpreter line', { mode: 0o755 });
    await expect(agent.client.exec([path]).result).rejects.toMatchObject({ context: { errno: 'ENOEXEC' } });
  });

  test.each<[string, string[], ExecOptions<'text'>]>([
    ['no words', [], {}],
    ['a NUL', ['echo', 'a\0b'], {}],
    ['a variable with =', ['true'], { env: { 'A=B': 'c' } }],
    ['more than a mebibyte', ['echo', 'x'.repeat(1024 * 1024)], {}],
    ['a terminal with a fraction', ['true'], { pty: { rows: 1.5, cols: 80 } }],
  ])('%s is refused here', (_name, argv, options) => {
    expect(() => agent.client.exec(argv, options)).toThrow(expect.objectContaining({ code: 'VMTEST_USAGE' }));
  });
});

describe('the surroundings', () => {
  test('arguments arrive as they are', async () => {
    const words = ['', ' ', 'ä€', '$HOME', '*', 'x'.repeat(100_000)];
    const { stdout } = await agent.client.exec(['printf', '%s\\n', ...words]).result;
    expect(stdout).toBe(words.map((word) => `${word}\n`).join(''));
  });

  test('environment: set, replaced, removed, clean', async () => {
    const added = await sh('echo "$A:$HOME:$TERM"', { env: { A: 'a b', HOME: '/h', TERM: undefined } }).result;
    expect(added.stdout).toBe('a b:/h:\n');
    const clean = await agent.client.exec(['/usr/bin/env'], { cleanEnv: true, env: { ONLY: 'this' } }).result;
    expect(clean.stdout).toBe('ONLY=this\n');
  });

  test('working directory', async () => {
    expect((await sh('pwd').result).stdout).toBe('/\n');
    expect((await sh('pwd', { cwd: '/usr' }).result).stdout).toBe('/usr\n');
  });

  test('a session of its own, default signals, no stray descriptor, a plain umask', async () => {
    const { stdout } = await sh(
      'cut -d" " -f1,5,6 /proc/$$/stat; grep -E "Sig(Blk|Ign)" /proc/self/status; ls /proc/$$/fd; umask',
    ).result;
    const [ids = '', ...rest] = stdout.trim().split('\n');
    expect(new Set(ids.split(' ')).size).toBe(1);
    expect(rest).toEqual(['SigBlk:\t0000000000000000', 'SigIgn:\t0000000000000000', '0', '1', '2', '0022']);
  });

  test('the OOM killer may take a command', async () => {
    expect((await agent.client.exec(['cat', '/proc/self/oom_score_adj']).result).stdout).toBe('0\n');
  });

  test.runIf(isRoot)('as another user', async () => {
    const named = await sh('id -u; id -g; id -G; echo $USER', { user: 'nobody' }).result;
    const lines = named.stdout.trim().split('\n');
    expect(lines.slice(0, 2)).toEqual(['65534', '65534']);
    expect(lines[3]).toBe('nobody');
    const numbers = await sh('id -u; id -g; id -G', { user: '4242:4343' }).result;
    expect(numbers.stdout).toBe('4242\n4343\n4343\n');
    const home = await sh('echo $HOME', { user: 'nobody' }).result;
    expect(home.stdout).toBe('/nonexistent\n');
  });

  test.runIf(isRoot)('the working directory is entered as the user', async () => {
    const path = join(agent.directory, 'closed');
    await mkdir(path, { mode: 0o700 });
    await expect(agent.client.exec(['true'], { user: 'nobody', cwd: path }).result).rejects.toMatchObject({
      context: { stage: 'cwd', errno: 'EACCES' },
    });
  });
});

describe('standard input', () => {
  test('none: end of file at once', async () => {
    expect((await agent.client.exec(['cat']).result).stdout).toBe('');
  });

  test.each([
    ['a string', 'some text\n', 'some text\n'],
    ['bytes', Buffer.from('bytes'), 'bytes'],
    ['nothing', '', ''],
    ['a stream', Readable.from(['one ', 'two']), 'one two'],
  ])('%s', async (_name, input, output) => {
    expect((await agent.client.exec(['cat'], { input }).result).stdout).toBe(output);
  });

  test('written live', async () => {
    const process = agent.client.exec(['cat'], { stdin: 'pipe' });
    process.stdin.write('first\n');
    await new Promise((resolve) => process.stdout.once('data', resolve));
    process.stdin.end('second\n');
    expect((await process.result).stdout).toBe('first\nsecond\n');
  });

  test('a command that reads only the beginning', async () => {
    const input = Readable.from(
      (function* () {
        for (let i = 0; i < 2000; i += 1) yield Buffer.alloc(10_000, 'x');
      })(),
    );
    const result = await agent.client.exec(['head', '-c', '5'], { input }).result;
    expect(result).toMatchObject({ stdout: 'xxxxx', exitCode: 0 });
  });
});

describe('killing', () => {
  test('reaches the whole process group', async () => {
    const process = sh('sleep 1000 & sleep 1000');
    await process.started;
    process.kill('SIGTERM');
    expect(await process.result).toMatchObject({ signalName: 'SIGTERM', outputHeldOpen: false });
  });

  test('is not stuck behind input that the command does not take', async () => {
    const process = agent.client.exec(['sleep', '1000'], { stdin: 'pipe' });
    process.stdin.on('error', () => {});
    // More than the window and the pipe together hold.
    const chunk = Buffer.alloc(64 * 1024);
    for (let i = 0; i < 32; i += 1) process.stdin.write(chunk);
    await process.started;
    process.kill('SIGKILL');
    expect(await process.result).toMatchObject({ signalName: 'SIGKILL' });
  });

  test('comes through even before the command runs', async () => {
    const process = agent.client.exec(['sleep', '1000']);
    process.kill('SIGINT');
    expect(await process.result).toMatchObject({ signalName: 'SIGINT' });
  });

  test('does nothing after the end', async () => {
    const process = agent.client.exec(['true']);
    await process.result;
    process.kill('SIGKILL');
    expect((await process.result).exitCode).toBe(0);
  });

  test('timeout', async () => {
    const result = await agent.client.exec(['sleep', '1000'], { timeoutMs: 50 }).result;
    expect(result).toMatchObject({ timedOut: true, isCanceled: false, failed: true, signalName: 'SIGTERM' });
  });

  test('timeout of a command that ignores SIGTERM', async () => {
    const process = sh('trap "" TERM; echo ready; while :; do sleep 1000; done', {
      timeoutMs: 100,
      forceKillAfterMs: 50,
    });
    expect(await process.result).toMatchObject({ timedOut: true, signalName: 'SIGKILL' });
  });

  test('abort', async () => {
    const controller = new AbortController();
    const process = agent.client.exec(['sleep', '1000'], { signal: controller.signal });
    await process.started;
    controller.abort();
    expect(await process.result).toMatchObject({ isCanceled: true, timedOut: false, signalName: 'SIGTERM' });
    const late = agent.client.exec(['true'], { signal: controller.signal });
    expect(await late.result).toMatchObject({ isCanceled: true, exitCode: undefined, failed: true });
  });
});

describe('processes that are left behind', () => {
  test('cost the grace period, no more, and are told of', async () => {
    const result = await sh('sleep 1000 & echo $!; exit 4', { graceMs: 20 }).result;
    process.kill(Number(result.stdout), 'SIGKILL');
    expect(result).toMatchObject({ exitCode: 4, outputHeldOpen: true });
  });

  test('that still write within the grace period are heard', async () => {
    const path = join(agent.directory, 'go');
    const script = `mkfifo ${path}; (read line < ${path}; echo late) & echo early`;
    const command = sh(script, { graceMs: 60_000 });
    await new Promise((resolve) => command.stdout.once('data', resolve));
    await writeFile(path, 'go\n');
    expect(await command.result).toMatchObject({ stdout: 'early\nlate\n', outputHeldOpen: false });
    await rm(path);
  });

  test('cannot write for ever', async () => {
    const command = sh('yes & echo $! >&2', { graceMs: 20, maxCapture: 100 });
    const result = await command.result;
    expect(result).toMatchObject({ exitCode: 0, outputHeldOpen: true });
    // The pipe was closed on it.
    // Its last state, where nobody has reaped it yet, is a zombie.
    const state = () => readFile(`/proc/${result.stderr.trim()}/stat`, 'utf8').catch(() => ') Z');
    await expect.poll(state).toMatch(/\) Z/);
  });
});

describe('a terminal', () => {
  const pty = { rows: 30, cols: 100 };

  test('has its size and is the controlling terminal', async () => {
    const result = await sh('test -t 0 && test -t 1 && test -t 2 && stty size < /dev/tty && echo $TERM', { pty })
      .result;
    expect(result).toMatchObject({ stdout: '30 100\r\nxterm-256color\r\n', stderr: '', exitCode: 0 });
  });

  test('can be resized', async () => {
    const process = sh('trap "stty size; exit" WINCH; echo ready; while :; do read line; done', { pty, stdin: 'pipe' });
    await new Promise((resolve) => process.stdout.once('data', resolve));
    process.resize(50, 132);
    expect((await process.result).stdout).toBe('ready\r\n50 132\r\n');
  });

  test('echoes, takes ^C, and ends its input', async () => {
    const interrupted = agent.client.exec(['cat'], { pty, stdin: 'pipe' });
    interrupted.stdin.write('hello\n');
    await new Promise((resolve) => interrupted.stdout.once('data', resolve));
    interrupted.stdin.write('\x03');
    expect(await interrupted.result).toMatchObject({ signalName: 'SIGINT', stdout: expect.stringContaining('hello') });
    for (const input of ['whole line\n', 'half a line', '']) {
      const result = await agent.client.exec(['cat'], { pty, input }).result;
      expect(result.exitCode).toBe(0);
    }
  });

  test('a kill reaches the foreground job of a shell', async () => {
    const process = agent.client.exec(['bash', '-mc', 'sh -c "echo ready; sleep 1000"; echo job $?'], { pty });
    await new Promise((resolve) => process.stdout.once('data', resolve));
    process.kill('SIGKILL');
    expect((await process.result).signalName).toBe('SIGKILL');
  });
});
