/** An image by its name: out of the store, pulled, or made for it. */
import { VmtestError } from '../../errors.js';
import type { ImageSource } from '../../installation.js';
import { nearest } from '../../nearest.js';
import type { Cache } from '../cache.js';
import type { FetchOptions } from '../debian.js';
import type { Architecture } from '../kernels/architecture.js';
import { quotedText } from '../printable.js';
import { findImage, listImages, type StoredImage } from '../store/images.js';
import { buildImage } from './build.js';
import { type Recipe, readRecipes } from './recipe.js';

export interface EnsureOptions extends FetchOptions {
  /** For npm's settings. Default: this process's. */
  env?: NodeJS.ProcessEnv;
}

/**
 * The image, verified. Throws `VMTEST_BAD_INPUT` for a name that neither the store nor a recipe has, `VMTEST_IMAGE`
 * when what was pulled is not what it says it is, and `VMTEST_FETCH` where it can be neither pulled nor made.
 */
export async function ensureImage(
  cache: Cache,
  { name, arch }: { name: string; arch: Architecture },
  source: ImageSource,
  options: EnsureOptions,
): Promise<StoredImage> {
  const found = await findImage(cache, name, arch);
  if (found !== undefined) return found;
  const recipes = await readRecipes(source.recipes);
  const recipe = await recipeOf(cache, recipes, name);
  const { pullImage } = await import('../npm/pull.js');
  const outcome = await pullImage(cache, { name, arch, version: recipe.version }, options);
  if (outcome.kind === 'unavailable') {
    options.onProgress?.(`image ${name} for ${arch}: cannot be pulled (${outcome.reason}); making it`);
    await make(cache, recipe, arch, source, options);
  }
  const made = await findImage(cache, name, arch);
  if (made !== undefined) return made;
  throw new VmtestError('VMTEST_CACHE', `image ${name}: was made, but the cache ${cache.root} does not have it`);
}

async function make(
  cache: Cache,
  recipe: Recipe,
  arch: Architecture,
  { agent, version }: ImageSource,
  options: EnsureOptions,
): Promise<void> {
  try {
    await buildImage(cache, { recipe, arch, agent: agent(), version }, options);
  } catch (cause) {
    if (!(cause instanceof VmtestError) || cause.code !== 'VMTEST_FETCH') throw cause;
    const advice = `run \`vmtest images fetch ${recipe.name}\` where there is a network, or give --kernel and --root`;
    throw new VmtestError('VMTEST_FETCH', `image ${recipe.name}: ${cause.message}; ${advice}`, { cause });
  }
}

/** Throws `VMTEST_BAD_INPUT` with the names that are nearest. */
export async function recipeOf(cache: Cache, recipes: ReadonlyMap<string, Recipe>, name: string): Promise<Recipe> {
  const recipe = recipes.get(name);
  if (recipe !== undefined) return recipe;
  throw await unknownImage(cache, recipes, name);
}

/** For a name that nobody knows: those that are nearest. */
export async function unknownImage(
  cache: Cache,
  recipes: ReadonlyMap<string, Recipe>,
  name: string,
): Promise<VmtestError> {
  const stored = (await listImages(cache)).map((image) => image.name);
  const names = nearest(name, [...new Set([...recipes.keys(), ...stored])]);
  return new VmtestError('VMTEST_BAD_INPUT', `there is no image ${quotedText(name)}; known are ${names.join(', ')}`);
}
