// What ./test_all does, stage by stage.
import { mkdir, readdir, stat } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { EXIT as TINY_KERNEL_EXIT } from '../kernel/options.mjs';
import { ctestCommand } from './ctest.mjs';
import { images } from './images.mjs';
import { integrationHere, integrationInLab, integrationUnderQemu } from './integration.mjs';
import { exitCodeOf, inParallel, root, run } from './process.mjs';
import { count, noCounts, RESULTS, readCtest, readTap, readVitest } from './reports.mjs';

/**
 * @typedef {import('./reports.mjs').Counts} Counts
 * @typedef {{ name: string, needs: string[], run: () => Promise<Counts> }} Stage
 */

/** All findings, not only those of the first file. */
const TIDY = 'cd native && cmake --preset tidy && cmake --build --preset tidy -- -k 0';

/**
 * @param {{ host: boolean, fuzzSeconds: number, tsan: boolean, tidy: boolean }} options
 * @returns {Stage[]}
 */
export function createStages({ host, fuzzSeconds, tsan, tidy }) {
  const presets = ['release', 'asan-ubsan', ...(tsan ? ['tsan'] : [])];
  /** Native tests that could not run on this machine, by preset: the lab has another try at them. */
  /** @type {Map<string, Counts>} */
  const leftToLab = new Map();
  return [
    step('install', [], [['npm', 'ci', '--no-audit', '--no-fund']]),
    step(
      'build',
      ['install'],
      [
        ['npm', 'run', 'build'],
        ['npm', 'run', 'build:agent-aarch64'],
        ['npm', 'run', 'build:aarch64'],
      ],
    ),
    step('lint', ['install'], [['npm', 'run', 'lint']]),
    { name: 'unit', needs: ['build'], run: unit },
    ...presets.map((preset) => ({
      name: `native ${preset}`,
      needs: ['install'],
      run: async () => {
        const counts = await native(preset);
        if (host) return counts;
        leftToLab.set(preset, counts);
        if (counts.skips.length > 0) console.log(`test_all: ${counts.skips.length} tests are left to the lab`);
        return { ...counts, skips: [] };
      },
    })),
    ...(tidy ? [step('tidy', ['install'], [['sh', '-c', TIDY]])] : []),
    { name: 'fuzz', needs: [], run: () => fuzz(fuzzSeconds) },
    { name: 'images', needs: ['build'], run: images },
    { name: 'container', needs: [], run: container },
    { name: 'tiny kernel', needs: ['build'], run: tinyKernel },
    { name: 'integration qemu', needs: ['build', 'images'], run: integrationUnderQemu },
    {
      name: 'integration',
      needs: ['build', 'images'],
      run: () => (host ? integrationHere() : integrationInLab(leftToLab)),
    },
  ];
}

/** A stage of plain commands: one test each. @type {(name: string, needs: string[], commands: string[][]) => Stage} */
function step(name, needs, commands) {
  return {
    name,
    needs,
    run: async () => {
      const counts = noCounts();
      for (const command of commands) {
        if (await run(command)) counts.passed++;
        else counts.failures.push(`${name}: ${command.join(' ').replaceAll(`${root}/`, '')}`);
      }
      return counts;
    },
  };
}

async function unit() {
  const file = join(RESULTS, 'vitest.json');
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${file}`];
  const ok = await run(['npx', 'vitest', 'run', ...reporters]);
  return count('vitest', ok, file, readVitest);
}

/** Minutes of compiling, once; the specs that boot it skip themselves where it was not finished. */
async function tinyKernel() {
  const counts = noCounts();
  const code = await exitCodeOf(['ci/tiny-kernel']);
  if (code === 0) counts.passed++;
  else if (code === TINY_KERNEL_EXIT.timeout) {
    counts.skips.push({ name: 'tiny kernel', reason: 'not built in time: run ci/tiny-kernel with a longer --timeout' });
  } else counts.failures.push('tiny kernel: ci/tiny-kernel');
  return counts;
}

/** The Dockerfile, built and used. In a container there is no building another one. */
async function container() {
  if (process.env['VMTEST_IN_CONTAINER'] !== undefined) {
    const reason = 'these tests are in a container themselves: run ./test_all --host on the machine';
    return { ...noCounts(), skips: [{ name: 'container', reason }] };
  }
  const file = join(RESULTS, 'container.tap');
  const ok = await run(['ci/container', '--report', file]);
  return count('container', ok, file, readTap);
}

/** @param {string} preset */
async function native(preset) {
  const cwd = join(root, 'native');
  if (!(await run(['cmake', '--preset', preset], { cwd }))) throw new Error('cmake failed');
  if (!(await run(['cmake', '--build', '--preset', preset], { cwd }))) throw new Error('the build failed');
  const file = join(RESULTS, `ctest-${preset}.xml`);
  const ok = await run(['sh', '-c', ctestCommand(preset, file)]);
  return count(`ctest ${preset}`, ok, file, readCtest);
}

/** @param {number} seconds */
async function fuzz(seconds) {
  const cwd = join(root, 'native');
  if (!(await run(['cmake', '--preset', 'fuzz'], { cwd }))) throw new Error('cmake failed');
  if (!(await run(['cmake', '--build', '--preset', 'fuzz'], { cwd }))) throw new Error('the build failed');
  const targets = await fuzzTargets(join(root, 'build/fuzz/fuzz'));
  if (targets.length === 0) throw new Error('there are no fuzz targets');
  const artifacts = join(RESULTS, 'fuzz');
  await mkdir(artifacts, { recursive: true });
  const counts = noCounts();
  await inParallel(targets, availableParallelism(), async (target) => {
    const flags = [`-max_total_time=${seconds}`, '-timeout=10', `-artifact_prefix=${artifacts}/${target.name}-`];
    const ok = await run([target.path, ...flags], { quiet: true });
    console.log(`fuzz: ${target.name}: ${ok ? 'clean' : 'FAILED'} (${seconds} s)`);
    if (ok) counts.passed++;
    else counts.failures.push(`fuzz: ${target.name}: the input is in build/test-results/fuzz`);
  });
  return counts;
}

/** @param {string} folder */
async function fuzzTargets(folder) {
  const targets = [];
  for (const name of (await readdir(folder)).sort()) {
    const path = join(folder, name);
    const info = await stat(path);
    if (info.isFile() && info.mode & 0o100) targets.push({ name, path });
  }
  return targets;
}
