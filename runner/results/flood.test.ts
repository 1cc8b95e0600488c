/** Memory does not grow with the input. Each flood is a process of its own, with a heap of 64 MiB. */
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { describe, expect, it } from 'vitest';
import { MAX_CASES } from './limits.js';

const program = fileURLToPath(new URL('testing/flood.ts', import.meta.url));
/** Node, its compiler for TypeScript, the heap, and the names of a million cases as hashes. */
const PEAK_MIB = 300;

describe('a flood of output', () => {
  it.each([
    ['tap-output', 200],
    ['tap-one-line', 200],
    ['junit-text', 100],
    ['tap-cases', 20],
    ['ktap', 30],
    ['kselftest', 20],
    ['junit-cases', 30],
    ['go-json', 30],
    ['pytest', 20],
  ])(
    '%s, %i MB',
    async (kind, megabytes) => {
      const args = ['--max-old-space-size=64', '--import', 'tsx', program, kind, `${megabytes}`];
      const { stdout } = await execa(process.execPath, args);
      const { told, counted, peakMib } = JSON.parse(stdout) as { told: number; counted: number; peakMib: number };
      expect(told).toBe(Math.min(counted, MAX_CASES));
      expect(told).toBeGreaterThan(0);
      expect(peakMib).toBeLessThan(PEAK_MIB);
    },
    300_000,
  );
});
