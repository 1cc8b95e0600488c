/** The schema of a configuration: its types, its checks and what editors know of it come from here. */
import { z } from 'zod';
import { readWorkers } from '../../units.js';
import { arch, cpus, guest, guestShape, imageName, kernel } from './guest.js';
import { anyListOf, flag, listOf, recordOf, strict, text, textOrNumber, whole } from './leaf.js';
import { reporters } from './reporters.js';
import { runShape, suite } from './suite.js';
import { axisName, label, labelPattern, memory } from './values.js';

/** The name is the label, and says nothing by itself. */
const named = strict({ name: label().describe('The label: a part of the names of cells.'), ...guestShape }).meta({
  id: 'NamedGuest',
});

const kernels = () =>
  z.union([
    listOf(z.union([kernel(), named]), 'a list, or an object of labels'),
    recordOf(label(), z.union([kernel(), guest])),
  ]);

const images = () =>
  z.union([
    listOf(z.union([imageName(), named]), 'a list, or an object of labels'),
    recordOf(label(), z.union([imageName(), guest])),
  ]);

const axisList = <Item extends z.core.SomeType>(item: Item, key: string) =>
  listOf(item, `a list of one or more; what all guests have alike is guest.${key}`);

export const workers = () =>
  textOrNumber(
    (value) => typeof readWorkers(String(value)) !== 'string' || value === 'auto',
    'auto, a number from 1 to 10000, or a share of the CPUs like 50%',
  );

export const configSchema = strict({
  $schema: z.string({ error: 'a text' }).optional().describe('For editors: where the schema of this file is.'),
  kernels: kernels()
    .optional()
    .describe('Axis "kernel": paths, cloud, generic, or objects of guest options with a name; or labels with either.'),
  images: images()
    .optional()
    .describe('Axis "image": names of images, or objects of guest options with a name; or labels with either.'),
  arch: axisList(arch(), 'arch').optional().describe('Axis "arch": x86_64, aarch64.'),
  cpus: axisList(cpus(), 'cpus').optional().describe('Axis "cpus": numbers of virtual CPUs.'),
  memory: axisList(memory(), 'memory').optional().describe('Axis "memory": 512M, 2G, or MiB as numbers.'),
  axes: recordOf(axisName(), recordOf(label(), guest))
    .optional()
    .describe('Axes of your own: name, then label, then guest options.'),
  exclude: anyListOf(labelPattern)
    .optional()
    .describe('Points of the matrix to leave out: labels by axis, * for anything, a list for any of them.'),
  include: anyListOf(
    strict({
      axes: recordOf(
        axisName(),
        textOrNumber((value) => value !== '', 'a label'),
      ).describe('Label by axis.'),
      guest: guest.optional().describe('Guest options.'),
    }),
  )
    .optional()
    .describe('More for points of the matrix that it fits, else a point of its own. Comes after exclude.'),
  overrides: anyListOf(
    strict({
      match: labelPattern.describe('The cells: labels by axis, * for anything, a list for any of them. {} for all.'),
      guest: guest.optional().describe('Guest options for these cells.'),
      ...runShape,
    }),
  )
    .optional()
    .describe('What is different in some cells; comes after axes, include and suites, and each after those before it.'),
  guest: guest.optional().describe('What all guests have alike.'),
  suites: listOf(suite).describe('What is run in each cell.'),
  workers: workers()
    .optional()
    .describe(
      'Guests at once, at most: a number, a share of the CPUs like 50%, or auto: as many as fit. Default: auto.',
    ),
  reporters: reporters()
    .optional()
    .describe(
      'Names of reporters, or [name, options]. Default: list and junit, and github where GITHUB_ACTIONS is set.',
    ),
  output: text('a path').optional().describe('Directory of the results. Default: vmtest-results.'),
  maxFailures: whole(0, 1_000_000)
    .optional()
    .describe('Begin no more jobs after so many have failed; 0 is no limit. Default: 0.'),
  failOnFlaky: flag()
    .optional()
    .describe('A job that failed first and passed when it was tried again fails the run. Default: false.'),
  ...runShape,
});

/** A configuration as it is written; `VmtestConfig` is the same, with comments. */
export type ConfigInput = z.input<typeof configSchema>;
