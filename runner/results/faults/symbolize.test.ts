import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findFaults } from './detector.js';
import type { Fault } from './fault.js';
import { symbolize } from './symbolize.js';

const run = promisify(execFile);

/** A program stands for the kernel: the tools look at symbols and debug information, and these are the same. */
const SOURCE = `static inline __attribute__((always_inline)) int inner(volatile int *p) {
  return *p;
}
__attribute__((noinline)) int outer(volatile int *p) {
  return inner(p) + 1;
}
static __attribute__((noinline)) int twice(volatile int *p) { return *p + 2; }
int main(int argc, char **argv) { (void)argv; return outer(&argc) + twice(&argc); }
`;

let directory: string;
let vmlinux: string;
let size: number;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'vmtest-symbolize-'));
  vmlinux = join(directory, 'vmlinux');
  await writeFile(join(directory, 'kernel.c'), SOURCE);
  await run('cc', ['-g', '-O1', '-o', vmlinux, 'kernel.c'], { cwd: directory });
  const { stdout } = await run('nm', ['--print-size', vmlinux]);
  size = Number.parseInt(/^\w+ (\w+) T outer$/m.exec(stdout)?.[1] ?? '', 16);
});
afterAll(() => rm(directory, { recursive: true }));

const faultIn = (frame: string): Fault[] =>
  findFaults(`[    1.000000] BUG: something\n[    1.000001] RIP: 0010:${frame}\n[    1.000002] Call Trace:\n`);
const withSize = (bytes: number) => `0x${bytes.toString(16)}`;

describe('symbolize', () => {
  it('finds files and lines, also of what was inlined', async () => {
    const { faults, problem } = await symbolize(faultIn(`outer+0x0/${withSize(size)}`), { vmlinux });
    expect(problem).toBeUndefined();
    const [inner, outer] = faults[0]?.frames[0]?.source ?? [];
    const last = outer ?? inner;
    expect(last).toMatchObject({ function: 'outer', file: expect.stringMatching(/kernel\.c$/) });
    const everywhere = await Promise.all(
      Array.from({ length: size }, (_, at) =>
        symbolize(faultIn(`outer+${withSize(at)}/${withSize(size)}`), { vmlinux }),
      ),
    );
    const sources = everywhere.map((one) =>
      one.faults[0]?.frames[0]?.source?.map((line) => `${line.function}:${line.line}`),
    );
    expect(sources).toContainEqual(['inner:2', 'outer:5']);
  });

  it('takes the size of kallsyms, with the padding behind a function', async () => {
    const { faults } = await symbolize(faultIn(`outer+0x0/${withSize(size + 11)}`), { vmlinux });
    expect(faults[0]?.frames[0]?.source).toBeDefined();
  });

  it.each([
    ['a function that is not there', 'absent+0x1/0x2'],
    ['another size: it is another kernel', 'outer+0x1/0x2'],
  ])('says when nothing fits: %s', async (_, frame) => {
    const before = faultIn(frame);
    const problem = expect.stringMatching(/no source lines: is it the kernel of this console/);
    expect(await symbolize(before, { vmlinux })).toEqual({ faults: before, problem });
  });

  it('leaves frames of modules as they are', async () => {
    const before = faultIn(`outer+0x0/${withSize(size)} [outer]`);
    expect(await symbolize(before, { vmlinux })).toEqual({ faults: before });
  });

  it.each([
    ['no file', () => ({ vmlinux: join(directory, 'absent') }), /absent: no source lines: ENOENT/],
    ['no kernel', () => ({ vmlinux: join(directory, 'kernel.c') }), /kernel\.c: no source lines: .*nm failed with 1/],
    ['no time', () => ({ vmlinux, timeoutMs: 0 }), /no source lines: it took too long/],
    ['an abort', () => ({ vmlinux, signal: AbortSignal.abort(new Error('stop')) }), /no source lines: /],
  ])('never rejects: %s', async (_, options, problem) => {
    const before = faultIn(`outer+0x0/${withSize(size)}`);
    const after = await symbolize(before, options());
    expect(after.faults).toEqual(before);
    expect(after.problem).toMatch(problem);
  });
});
