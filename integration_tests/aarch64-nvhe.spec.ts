/**
 * A host whose CPU has no VHE, so that its kernel runs KVM as nVHE, and none but the smallest and largest pages: in the lab with
 * `--cpu cortex-a72`.
 */
import { writeFile } from 'node:fs/promises';
import { execa } from 'execa';
import { expect, test } from '../fixtures/index.js';
import { vmtest } from './support/cli.js';
import { sh } from './support/exec.js';

const aarch64 = { tag: '@aarch64' };

test('a guest with two CPUs runs a command', aarch64, async ({ bootVm }) => {
  expect((await execa('dmesg')).stdout).toContain('Hyp mode initialized');
  const machine = await bootVm({ cpus: 2 });
  expect((await sh(machine, 'uname -m; nproc')).stdout).toBe('aarch64\n2\n');
});

test('a kernel for pages that the CPU has not is refused', aarch64, async () => {
  const kernel = test.info().outputPath('Image');
  await writeFile(kernel, imageFor16KibPages());
  const result = await vmtest(['run', '--kernel', kernel, '--', 'true']);
  expect(result).toMatchObject({ code: 125, stdout: '', left: [] });
  // The first line says why this engine.
  expect(result.stderr.trimEnd().split('\n')).toHaveLength(2);
  expect(result.stderr).toContain("the kernel is built for pages of 16 KiB, which this host's CPU has not");
});

/** The header of an arm64 Image (Documentation/arm64/booting.rst), and nothing that could run. */
function imageFor16KibPages(): Buffer {
  const image = Buffer.alloc(65536);
  image.writeBigUInt64LE(BigInt(image.length), 16); // image_size
  image.writeBigUInt64LE(0b1100n, 24); // flags: pages of 16 KiB, anywhere in memory
  image.write('ARM\x64', 56, 'latin1');
  return image;
}
