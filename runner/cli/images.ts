/** `vmtest images ...`: what is in the store, and how it gets there. */
import { createCleanup } from '../cleanup.js';
import { VmtestError } from '../errors.js';
import { buildImage } from '../images/build/build.js';
import { ensureImage, parseImageName } from '../images/build/ensure-image.js';
import { recipeOf, unknownImage } from '../images/build/get-image.js';
import { type Recipe, readRecipes } from '../images/build/recipe.js';
import { differences, releasedManifest } from '../images/build/released.js';
import { type Cache, cacheRoot } from '../images/cache.js';
import type { Architecture } from '../images/kernels/architecture.js';
import { pruneDerived } from '../images/prune.js';
import { blobPath } from '../images/store/blobs.js';
import { findImage, type ImageName, listImages, pruneBlobs, type StoredImage } from '../images/store/images.js';
import { prefetch } from '../images/user-kernel.js';
import { findInstallation, imageSource } from '../installation.js';
import type { ImagesCommand } from './command.js';

const MIB = 2 ** 20;
const onProgress = (message: string): void => void process.stderr.write(`vmtest: ${message}\n`);
const print = (line: string): void => void process.stdout.write(`${line}\n`);

type FetchCommand = Extract<ImagesCommand, { kind: 'images-fetch' }>;

export async function images(command: ImagesCommand, signal: AbortSignal): Promise<number> {
  await using cleanup = createCleanup();
  const cache: Cache = { root: cacheRoot(process.env), cleanup };
  const recipes = await readRecipes(findInstallation().recipes);
  switch (command.kind) {
    case 'images-fetch':
      return await fetch(cache, command, signal);
    case 'images-list':
      return await list(cache, recipes);
    case 'images-build':
      return await build(cache, await recipeOf(cache, recipes, command.name), command.arch, signal);
    case 'images-path':
      print(blobPath(cache, (await need(cache, recipes, command)).digest));
      return 0;
    case 'images-pack':
      return await pack(cache, recipes, command, signal);
    case 'images-pull':
      return await pull(cache, await recipeOf(cache, recipes, command.name), command.arch, signal);
    case 'images-verify':
      return await verify(cache);
    case 'images-prune': {
      const { files, bytes } = await pruneBlobs(cache);
      print(`${files} files removed, ${(bytes / MIB).toFixed(1)} MiB`);
      if (command.all) print(`${await pruneDerived(cache)} entries of the cache removed`);
      return 0;
    }
  }
}

async function fetch(cache: Cache, command: FetchCommand, signal: AbortSignal): Promise<number> {
  const { arch } = command;
  const options = { signal, onProgress };
  for (const name of command.names) {
    const image = await ensureImage(cache, { name, arch }, imageSource(arch), options);
    print(`${name} ${arch}: ${image.digest}`);
  }
  for (const flavour of command.flavours) {
    const kernel = await prefetch(cache, flavour, command.arch, options);
    print(`${flavour}: ${kernel.package} ${kernel.version}`);
  }
  return 0;
}

/** The image, every file of it hashed where `thorough`. One that the store cannot have is told from one that it lacks. */
async function need(
  cache: Cache,
  recipes: ReadonlyMap<string, Recipe>,
  { name: text, arch }: ImageName,
  options: { thorough?: boolean } = {},
): Promise<StoredImage> {
  const { name, digest } = parseImageName(text);
  const image = await findImage(cache, name, arch, { ...options, digest });
  if (image !== undefined) return image;
  const stored = await listImages(cache);
  if (!recipes.has(name) && !stored.some((each) => each.name === name)) throw await unknownImage(cache, recipes, name);
  const advice = digest === '' ? `; make it with \`vmtest images build ${name} --arch ${arch}\`` : '';
  throw new VmtestError('VMTEST_BAD_INPUT', `the store has no whole image ${text} for ${arch}${advice}`);
}

async function pack(
  cache: Cache,
  recipes: ReadonlyMap<string, Recipe>,
  command: ImagesCommand & { kind: 'images-pack' },
  signal: AbortSignal,
): Promise<number> {
  const { packImage } = await import('../images/npm/pack.js');
  const image = await need(cache, recipes, command, { thorough: true });
  print(await packImage(cache, image, { signal, ...(command.out === undefined ? {} : { out: command.out }) }));
  return 0;
}

async function pull(cache: Cache, recipe: Recipe, arch: Architecture, signal: AbortSignal): Promise<number> {
  const { pullImage } = await import('../images/npm/pull.js');
  const { name, version } = recipe;
  const outcome = await pullImage(cache, { name, arch, version }, { signal, onProgress });
  if (outcome.kind === 'unavailable') {
    const advice = `build it with \`vmtest images build ${name} --arch ${arch}\``;
    throw new VmtestError('VMTEST_PULL', `cannot pull the image ${name} for ${arch}: ${outcome.reason}; ${advice}`);
  }
  print(`${name} ${arch}: ${outcome.digest}`);
  return 0;
}

async function list(cache: Cache, recipes: ReadonlyMap<string, Recipe>): Promise<number> {
  for (const { name, description } of recipes.values()) print(`${name}: ${description}`);
  for (const { name, arch } of await listImages(cache)) {
    // One of a newer vmtest is as good as damaged to this one.
    const image = await findImage(cache, name, arch).catch(() => undefined);
    if (image === undefined) {
      print(`  ${name} ${arch}: damaged; build it again`);
      continue;
    }
    const bytes = image.manifest.files.reduce((sum, { size }) => sum + size, 0);
    const kernel = `Linux ${image.manifest.kernelRelease}`;
    print(`  ${name} ${arch}: ${image.digest.slice(0, 12)}, ${kernel}, ${(bytes / MIB).toFixed(1)} MiB`);
  }
  return 0;
}

async function build(cache: Cache, recipe: Recipe, arch: Architecture, signal: AbortSignal): Promise<number> {
  const { agent, version, recipes } = imageSource(arch);
  const digest = await buildImage(cache, { recipe, arch, agent: agent(), version }, { signal, onProgress });
  const image = { name: recipe.name, arch };
  const built = await findImage(cache, image.name, arch);
  const released = await releasedManifest(recipes, image);
  if (built !== undefined && released !== undefined) sayDifferences(differences(released, built.manifest));
  print(`${recipe.name} ${arch}: ${digest}`);
  return 0;
}

/** Debian moves on: most builds are newer than the release. */
function sayDifferences(found: readonly string[]): void {
  const [first, ...more] = found;
  const others = more.length === 0 ? '' : ` (and ${more.length} more)`;
  const what = first === undefined ? 'equal to' : 'differs from';
  onProgress(`${what} the image of the release${first === undefined ? '' : `: ${first}${others}`}`);
}

/** All images are looked at, whatever is wrong with one. */
async function verify(cache: Cache): Promise<number> {
  const wrong: string[] = [];
  for (const { name, arch } of await listImages(cache)) {
    const image = await findImage(cache, name, arch, { thorough: true }).catch((error: Error) => {
      print(error.message);
      return undefined;
    });
    print(`${name} ${arch}: ${image === undefined ? 'not whole' : 'whole'}`);
    if (image === undefined) wrong.push(`${name} (${arch})`);
  }
  if (wrong.length === 0) return 0;
  throw new VmtestError(
    'VMTEST_IMAGE',
    `not whole: ${wrong.join(', ')}; damaged files were set aside; build them again`,
  );
}
