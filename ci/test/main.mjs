// ./test_all: the stages in order. Whatever a stage does, the last line counts it.
import { mkdir, rm } from 'node:fs/promises';
import { addCounts, RESULTS } from './reports.mjs';
import { createStages } from './stages.mjs';

const USAGE = `Usage: ./test_all [--host] [--fuzz] [--tsan] [--tidy]

Installs, builds, lints and tests everything. The last line is "N passed, N failed, N skipped"; exit 1 when
something failed. Every skip is printed with its reason.

  --host   only this machine: no container around the tests, and no lab below them. Those that need KVM use this machine's
           own, or are skipped when it is not usable. Without it, docker or podman is used where one works
  --fuzz   run each fuzz target for 60 seconds instead of a few
  --tsan   the native tests under the thread sanitizer too
  --tidy   clang-tidy over the native code too
`;

/** @param {string[]} argv */
async function main(argv) {
  const known = ['--host', '--fuzz', '--tsan', '--tidy', '--help'];
  const unknown = argv.find((flag) => !known.includes(flag));
  if (unknown !== undefined || argv.includes('--help')) {
    process.stderr.write(unknown === undefined ? USAGE : `test_all: unknown argument ${unknown}\n${USAGE}`);
    return unknown === undefined ? 0 : 2;
  }
  await rm(RESULTS, { recursive: true, force: true });
  await mkdir(RESULTS, { recursive: true });
  const stages = createStages({
    host: argv.includes('--host'),
    fuzzSeconds: argv.includes('--fuzz') ? 60 : 4,
    tsan: argv.includes('--tsan'),
    tidy: argv.includes('--tidy'),
  });

  /** @type {import('./reports.mjs').Counts[]} */
  const all = [];
  /** @type {Set<string>} */
  const broken = new Set();
  for (const stage of stages) {
    console.log(`\ntest_all: === ${stage.name} ===`);
    const started = Date.now();
    const counts = await runStage(stage, broken);
    if (counts.failures.length > 0) broken.add(stage.name);
    all.push(counts);
    const { passed, failures, skips } = counts;
    const seconds = Math.round((Date.now() - started) / 1000);
    console.log(
      `test_all: ${stage.name}: ${passed} passed, ${failures.length} failed, ${skips.length} skipped, ${seconds} s`,
    );
  }
  return report(addCounts(all));
}

/** @type {(stage: import('./stages.mjs').Stage, broken: Set<string>) => Promise<import('./reports.mjs').Counts>} */
async function runStage(stage, broken) {
  const missing = stage.needs.find((name) => broken.has(name));
  if (missing !== undefined) return failure(`${stage.name}: not run, because ${missing} failed`);
  try {
    return await stage.run();
  } catch (error) {
    return failure(`${stage.name}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** @param {string} name */
function failure(name) {
  return { passed: 0, failures: [name], skips: [] };
}

/** @param {import('./reports.mjs').Counts} counts */
function report({ passed, failures, skips }) {
  console.log('');
  for (const { name, reason } of skips) console.log(`skipped: ${name}: ${reason}`);
  for (const name of failures) console.log(`FAILED: ${name}`);
  console.log(`${passed} passed, ${failures.length} failed, ${skips.length} skipped`);
  return failures.length === 0 ? 0 : 1;
}

process.exitCode = await main(process.argv.slice(2));
