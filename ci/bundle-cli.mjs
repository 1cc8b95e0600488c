// Bundles the `vmtest` command: `main` with `run`, which most starts are for, is one file, since each file that is loaded costs
// as much as a thousand lines; every other command is loaded when it is asked for. Packages stay where npm put them.
import { readFile, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const source = join(root, 'runner/cli');
const outdir = join(root, 'dist/cli');

/** The commands that `main` loads. @returns {Promise<string[]>} */
async function commands() {
  const text = await readFile(join(source, 'main.ts'), 'utf8');
  const found = [...text.matchAll(/import\('\.\/([\w-]+)\.js'\)/g)].map((match) => match[1] ?? '');
  return [...new Set(found)].filter((name) => name !== 'run');
}

/** The parser is CommonJS, and asks for modules of Node. */
const REQUIRE =
  "import { createRequire as requireFrom } from 'node:module'; const require = requireFrom(import.meta.url);";

/** @type {import('esbuild').BuildOptions} */
const common = {
  bundle: true,
  format: 'esm',
  platform: 'node',
  target: 'node20.20',
  packages: 'external',
  sourcemap: true,
  minifyWhitespace: true,
  minifySyntax: true,
  outdir,
  logLevel: 'warning',
};

/** Leaves what `main` loads later where it will be; files of the same name elsewhere are others. @type {import('esbuild').Plugin} */
const leaveCommands = {
  name: 'leave-commands',
  setup({ onResolve }) {
    onResolve({ filter: /^\.\/[\w-]+\.js$/ }, ({ path, importer, kind }) => {
      const later = kind === 'dynamic-import' && importer === join(source, 'main.ts') && path !== './run.js';
      return later ? { path, external: true } : undefined;
    });
  },
};

/** Every start reads the command line: its parser is worth being found without a search. @type {import('esbuild').Plugin} */
const takeCommander = {
  name: 'take-commander',
  setup({ onResolve }) {
    onResolve({ filter: /^commander$/ }, () => ({ path: join(root, 'node_modules/commander/index.js') }));
  },
};

const lazy = await commands();
await rm(outdir, { recursive: true, force: true });
await build({
  ...common,
  entryPoints: { vmtest: join(source, 'main.ts') },
  splitting: true,
  plugins: [leaveCommands, takeCommander],
  banner: { js: REQUIRE },
});
await build({ ...common, entryPoints: lazy.map((name) => join(source, `${name}.ts`)), splitting: true });
