// ci/tiny-kernel: a kernel as small as vmtest can boot, in the tree where it was built.
import { randomBytes } from 'node:crypto';
import { access, mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { cacheFolder } from '../cache-folder.mjs';
import { UsageError } from '../lab/options.mjs';
import { buildTrees } from './build.mjs';
import { keyOf, readInputs } from './inputs.mjs';
import { EXIT, parseOptions, USAGE } from './options.mjs';

/** @param {string} line */
function say(line) {
  process.stderr.write(`tiny-kernel: ${line}\n`);
}

/** @param {string[]} argv */
async function main(argv) {
  const options = parseOptions(argv);
  if (options === 'help') {
    process.stdout.write(USAGE);
    return 0;
  }
  const inputs = await readInputs();
  const cache = cacheFolder();
  const folder = join(cache, 'tiny-kernels', keyOf(inputs));
  if (!(await exists(folder))) {
    if (options.onlyPath) {
      say(`the kernel of ${inputs.source.version} is not built here: run ci/tiny-kernel`);
      return EXIT.failed;
    }
    await build(cache, folder, inputs, options.timeout);
  }
  process.stdout.write(`${folder}\n`);
  return 0;
}

/** @type {(cache: string, folder: string, inputs: import('./inputs.mjs').Inputs, timeout: number) => Promise<void>} */
async function build(cache, folder, { fragment, files }, timeout) {
  const started = Date.now();
  // Named as the runner names its own: should we be killed, it sweeps what we left.
  const scratch = join(cache, 'tmp', `${process.pid}-${randomBytes(6).toString('hex')}`);
  const result = join(scratch, 'result');
  await mkdir(result, { recursive: true });
  try {
    const { 'tiny.config': tiny = '', 'modules.config': modules = '' } = files;
    const fragments = { required: fragment, tiny, modules };
    await buildTrees({ scratch, result, fragments, signal: limits(timeout), say });
    await mkdir(join(cache, 'tiny-kernels'), { recursive: true });
    await rename(result, folder);
  } catch (error) {
    // Another process was faster: what it put there is the same.
    if (!(await exists(folder))) throw error;
  } finally {
    // Again, as a compiler that was told to end may still have written a file.
    await rm(scratch, { recursive: true, force: true, maxRetries: 5 });
  }
  say(`built in ${Math.round((Date.now() - started) / 1000)} s`);
}

/** Aborted when the time is up, or by a signal that asks us to end; its reason has the exit code. @param {number} timeout */
function limits(timeout) {
  const controller = new AbortController();
  const late = () => controller.abort(new Ended(`not built within ${timeout / 1000} s: gave up`, EXIT.timeout));
  setTimeout(late, timeout).unref();
  for (const [signal, code] of /** @type {const} */ ([
    ['SIGHUP', 129],
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ])) {
    process.on(signal, () => controller.abort(new Ended(`ended by ${signal}`, code)));
  }
  return controller.signal;
}

class Ended extends Error {
  /** @param {string} message @param {number} code */
  constructor(message, code) {
    super(message);
    this.code = code;
  }
}

/** @param {string} path */
function exists(path) {
  return access(path).then(
    () => true,
    () => false,
  );
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  say(error instanceof Error ? error.message : String(error));
  if (error instanceof UsageError) say('see ci/tiny-kernel --help');
  process.exitCode = error instanceof Ended ? error.code : error instanceof UsageError ? EXIT.usage : EXIT.failed;
}
