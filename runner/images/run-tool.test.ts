import { describe, expect, it } from 'vitest';
import { VmtestError } from '../errors.js';
import { runTool } from './run-tool.js';

describe('runTool', () => {
  it('tells in one line why a tool failed', async () => {
    const failing = (file: string, ...args: string[]) =>
      runTool('linux', file, args).catch((e: VmtestError) => e.message);
    expect(await failing('vmtest-no-such-tool')).toBe(
      'cannot fetch the Debian package linux: vmtest-no-such-tool is not installed',
    );
    expect(await failing('sh', '-c', 'echo one >&2; echo two >&2; exit 1')).toMatch(/linux: two$/);
  });

  it('stops with its signal', async () => {
    const controller = new AbortController();
    const running = runTool('linux', 'sleep', ['1000'], { signal: controller.signal });
    controller.abort(new VmtestError('VMTEST_INTERRUPTED', 'interrupted'));
    await expect(running).rejects.toMatchObject({ code: 'VMTEST_INTERRUPTED' });
  });
});
