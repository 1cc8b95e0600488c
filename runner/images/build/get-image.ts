/** An image that the store does not have: pulled, or else made. */
import { VmtestError } from '../../errors.js';
import type { ImageSource } from '../../installation.js';
import { nearest } from '../../nearest.js';
import type { Cache } from '../cache.js';
import type { Architecture } from '../kernels/architecture.js';
import { pullImage } from '../npm/pull.js';
import { quotedText } from '../printable.js';
import { listImages } from '../store/images.js';
import { buildImage } from './build.js';
import type { EnsureOptions } from './ensure-image.js';
import { type Recipe, readRecipes } from './recipe.js';

/** Puts the image into the store; see `ensureImage` for the errors. */
export async function getImage(
  cache: Cache,
  { name, arch }: { name: string; arch: Architecture },
  source: ImageSource,
  options: EnsureOptions,
): Promise<void> {
  const recipe = await recipeOf(cache, await readRecipes(source.recipes), name);
  const outcome = await pullImage(cache, { name, arch, version: recipe.version }, options);
  if (outcome.kind === 'pulled') return;
  options.onProgress?.(`image ${name} for ${arch}: cannot be pulled (${outcome.reason}); making it`);
  await make(cache, recipe, arch, source, options);
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
