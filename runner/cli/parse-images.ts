/** `vmtest images` as it is written. Pure. */
import { Option, type Command as Parser } from 'commander';
import { type Architecture, hostArchitecture } from '../images/kernels/architecture.js';
import { FLAVOURS, type Flavour } from '../images/packages.js';
import { DEFAULT_IMAGE } from '../machine/defaults.js';
import type { Command } from './command.js';
import { archOption, subcommand, usage } from './parse-tools.js';

export function addImages(program: Parser, settle: (command: Command) => void): void {
  const images = subcommand(program, 'images').description('the images and kernels that guests boot from');
  addImageCommands(images, settle);
}

function addImageCommands(images: Parser, settle: (command: Command) => void): void {
  const archOf = (flags: { arch?: Architecture }): Architecture => flags.arch ?? hostArchitecture();
  subcommand(images, 'fetch')
    .description('get images and kernels into the cache, for runs without a network; what is there stays')
    .argument('[name...]', 'images (default: micro, where no --flavour is given)')
    .addOption(archOption())
    .addOption(
      new Option('--flavour <flavour>', "a kernel of Debian's: cloud, or generic, which has every driver; repeatable")
        .default([], 'none')
        .choices(FLAVOURS)
        .argParser((value: string, before: Flavour[]) => {
          const flavour = FLAVOURS.find((name) => name === value);
          if (flavour === undefined) throw usage(`--flavour: "${value}" is not one of ${FLAVOURS.join(', ')}`);
          return [...before, flavour];
        }),
    )
    .action((given: string[], flags: { arch?: Architecture; flavour: Flavour[] }) => {
      const names = given.length === 0 && flags.flavour.length === 0 ? [DEFAULT_IMAGE] : given;
      settle({ kind: 'images-fetch', names, arch: archOf(flags), flavours: flags.flavour });
    });
  subcommand(images, 'list')
    .description('the images that can be built, and those in the store')
    .action(() => settle({ kind: 'images-list' }));
  subcommand(images, 'build')
    .description("make an image out of Debian's packages, and store it")
    .argument('<name>', 'its name, like micro')
    .addOption(archOption())
    .action((name: string, flags: { arch?: Architecture }) =>
      settle({ kind: 'images-build', name, arch: archOf(flags) }),
    );
  subcommand(images, 'path')
    .description('print where the manifest of an image is')
    .argument('<name>', 'its name, like micro')
    .addOption(archOption())
    .action((name: string, flags: { arch?: Architecture }) =>
      settle({ kind: 'images-path', name, arch: archOf(flags) }),
    );
  subcommand(images, 'pull')
    .description("get an image, prebuilt, out of the npm registry that is set for @vmtest, with npm's own settings")
    .argument('<name>', 'its name, like micro')
    .addOption(archOption())
    .action((name: string, flags: { arch?: Architecture }) =>
      settle({ kind: 'images-pull', name, arch: archOf(flags) }),
    );
  subcommand(images, 'pack')
    .description('write an image of the store as an npm package, for `npm publish`; prints its path')
    .argument('<name>', 'its name, like micro')
    .addOption(archOption())
    .option('--out <dir>', 'directory for the tarball (default: this one)')
    .action((name: string, flags: { arch?: Architecture; out?: string }) => {
      if (flags.out === '') throw usage('--out: is empty');
      if (flags.out?.includes('\0')) throw usage('--out: contains a NUL character');
      settle({
        kind: 'images-pack',
        name,
        arch: archOf(flags),
        ...(flags.out === undefined ? {} : { out: flags.out }),
      });
    });
  subcommand(images, 'verify')
    .description('hash every file of every image; what is wrong is set aside')
    .action(() => settle({ kind: 'images-verify' }));
  subcommand(images, 'prune')
    .description('remove what no image needs')
    .option('--all', 'also what is made or fetched again when it is wanted: unpacked kernels, packed roots, packages')
    .action((flags: { all?: true }) => settle({ kind: 'images-prune', all: flags.all === true }));
}
