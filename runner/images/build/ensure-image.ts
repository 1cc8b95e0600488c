/** An image by its name: out of the store, or made for it. */
import { VmtestError } from '../../errors.js';
import { nearest } from '../../nearest.js';
import type { Cache } from '../cache.js';
import type { FetchOptions } from '../debian.js';
import type { Architecture } from '../kernels/architecture.js';
import { findImage, listImages, type StoredImage } from '../store/images.js';
import { buildImage } from './build.js';
import { type Recipe, readRecipes } from './recipe.js';

export interface ImageSource {
  /** The directory of the recipes. */
  recipes: string;
  /** Static `vmtest-agent` of the architecture, asked for when an image is made. */
  agent: () => string;
  /** Of vmtest. */
  version: string;
}

/**
 * The image, verified. Throws `VMTEST_BAD_INPUT` for a name that neither the store nor a recipe has, and
 * `VMTEST_FETCH` where it can be neither pulled nor made.
 */
export async function ensureImage(
  cache: Cache,
  { name, arch }: { name: string; arch: Architecture },
  source: ImageSource,
  options: FetchOptions,
): Promise<StoredImage> {
  const found = await findImage(cache, name, arch);
  if (found !== undefined) return found;
  const recipe = await recipeOf(cache, await readRecipes(source.recipes), name);
  options.onProgress?.(`there is no image ${name} for ${arch} yet; making it`);
  await buildImage(cache, { recipe, arch, agent: source.agent(), version: source.version }, options);
  const made = await findImage(cache, name, arch);
  if (made !== undefined) return made;
  throw new VmtestError('VMTEST_CACHE', `image ${name}: was made, but the cache ${cache.root} does not have it`);
}

/** Throws `VMTEST_BAD_INPUT` with the names that are nearest. */
export async function recipeOf(cache: Cache, recipes: ReadonlyMap<string, Recipe>, name: string): Promise<Recipe> {
  const recipe = recipes.get(name);
  if (recipe !== undefined) return recipe;
  const stored = (await listImages(cache)).map((image) => image.name);
  const names = nearest(name, [...new Set([...recipes.keys(), ...stored])]);
  throw new VmtestError('VMTEST_BAD_INPUT', `there is no image "${name}"; known are ${names.join(', ')}`);
}
