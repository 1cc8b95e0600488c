/** Recipes: what an image is to be made of. `guest-images/<name>/recipe.json`; pure but for the reading. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { VmtestError } from '../../errors.js';
import { printable, quotedText } from '../printable.js';
import { isImageName } from '../store/manifest.js';

export interface Recipe {
  name: string;
  /** MAJOR.MINOR.PATCH, raised with every change of the recipe that changes the image: also that of its npm package. */
  version: string;
  /** One line for `vmtest images list`. */
  description: string;
  /** Which of Debian's kernels. */
  kernel: 'cloud' | 'generic';
  /** `busybox`: the user space is in the initial RAM file system, and nothing else is needed. */
  root: { kind: 'busybox' };
}

const VERSION = /^(0|[1-9]\d{0,8})(\.(0|[1-9]\d{0,8})){2}$/;
const FIELDS = ['name', 'version', 'description', 'kernel', 'root'];

/** Throws `VMTEST_RECIPE` with what is wrong. */
export function parseRecipe(label: string, text: string): Recipe {
  const fail = (why: string): never => {
    throw new VmtestError('VMTEST_RECIPE', `the recipe ${label}: ${why}`);
  };
  let value: Record<string, unknown>;
  try {
    value = JSON.parse(text) as Record<string, unknown>;
  } catch (cause) {
    return fail(`it is no JSON: ${printable((cause as Error).message)}`);
  }
  if (typeof value !== 'object' || value === null) return fail('it is no object');
  const extra = Object.keys(value).find((key) => !FIELDS.includes(key));
  if (extra !== undefined) return fail(`nobody knows ${quotedText(extra)}`);
  const field = (name: string): string => {
    const found = value[name];
    return typeof found === 'string' && found !== '' ? found : fail(`${name} is missing`);
  };
  const { kernel, root } = value;
  if (kernel !== 'cloud' && kernel !== 'generic') return fail('kernel is neither "cloud" nor "generic"');
  const kind = typeof root === 'object' && root !== null && 'kind' in root ? root.kind : undefined;
  if (kind !== 'busybox') return fail('root.kind is not "busybox"');
  const name = field('name');
  if (!isImageName(name)) return fail(`${quotedText(name)} is no name of an image`);
  const version = field('version');
  if (!VERSION.test(version)) return fail(`the version ${quotedText(version)} is not MAJOR.MINOR.PATCH, as 1.0.0`);
  return { name, version, description: field('description'), kernel, root: { kind } };
}

/** The recipes that came with vmtest, by name. */
export async function readRecipes(directory: string): Promise<Map<string, Recipe>> {
  const recipes = new Map<string, Recipe>();
  const entries = await readdir(directory, { withFileTypes: true });
  for (const entry of entries.filter((each) => each.isDirectory())) {
    const path = join(directory, entry.name, 'recipe.json');
    const recipe = parseRecipe(path, await readFile(path, 'utf8'));
    if (recipe.name !== entry.name) {
      throw new VmtestError('VMTEST_RECIPE', `the recipe ${path}: it is called "${recipe.name}"`);
    }
    recipes.set(recipe.name, recipe);
  }
  return recipes;
}
