/** Suites, and what can be said once for all of them. */
import { z } from 'zod';
import { FORMAT_NAMES } from '../../results/format-names.js';
import { anyListOf, fitting, listOf, oneOf, recordOf, strict, text, whole } from './leaf.js';
import { condition, day, duration, guestPath, regExp } from './values.js';

const argument = () => text('a text', { empty: true });

/** argv, whose program has a name, or a line for the shell. */
export const command = () =>
  z.union([
    text('a command: a line for the shell, or a list of the program and its arguments'),
    listOf(argument(), 'a list of the program and its arguments').refine(([program]) => program !== '', {
      error: 'a list that begins with a program',
    }),
  ]);

const env = () =>
  recordOf(
    fitting(/^[^=\0]+$/, 'a name of a variable'),
    z
      .custom<string | number>(
        (value) =>
          (typeof value === 'string' && !value.includes('\0')) || (typeof value === 'number' && Number.isFinite(value)),
        { error: 'a text or a number; write true as "true"' },
      )
      .meta({ type: ['string', 'number'] }),
  );

const expectation = strict({
  case: text()
    .optional()
    .describe('Path of a case, its names joined by " > ", * for anything. Default: the whole suite.'),
  outcome: oneOf(['skip', 'fail']).describe(
    'skip: is not run (a suite), or does not count (a case). fail: must fail; that it passes is a failure.',
  ),
  reason: text('a reason').describe('Why: the report of the bug, who looks into it.'),
  expires: day().optional().describe('Last day on which it is expected (UTC), as 2026-12-31. Must be there for fail.'),
  only: condition.optional().describe('Where it is expected. Default: everywhere.'),
})
  .refine(({ outcome, expires }) => outcome !== 'fail' || expires !== undefined, {
    path: ['expires'],
    error: 'a day like 2026-12-31: a failure is expected for a while only',
  })
  .meta({ id: 'Expectation' });

const allowedFault = strict({
  pattern: regExp().describe("A regular expression, looked for in the fault's title and in each line of its trace."),
  reason: text('a reason').describe('Why it is allowed: the report of the bug, who looks into it.'),
  expires: day().describe('The last day on which it is (UTC), as 2026-12-31.'),
}).meta({ id: 'AllowedFault' });

export const timeouts = strict({
  boot: duration().optional().describe('From the start of the guest until its agent answers. Default: 2m.'),
  command: duration()
    .optional()
    .describe("Of the suite's command, and of each command of setup and teardown. Default: 10m."),
  idle: duration().optional().describe('Without a byte of output from the command. Default: none.'),
  total: duration().optional().describe('From the beginning of an attempt to the end of its command. Default: none.'),
}).meta({ id: 'Timeouts' });

/** What stands at the top of a configuration, in overrides and in suites. */
export const runShape = {
  timeouts: timeouts.optional().describe('Limits: 30s, 2m, or milliseconds as a number.'),
  retries: whole(0, 100)
    .optional()
    .describe('How often a failed suite is tried again, each time in a fresh guest; 0 to 100. Default: 0.'),
  isolate: oneOf(['guest', 'cell'])
    .optional()
    .describe(
      'guest: a fresh guest for each suite. cell: one for all such suites of the cell, in order. Default: guest.',
    ),
  faults: oneOf(['fail', 'report'])
    .optional()
    .describe(
      "What the kernel's faults (oops, WARNING, KASAN, ...) do: fail the suite, or be told only. Default: fail.",
    ),
  allowedFaults: anyListOf(allowedFault)
    .optional()
    .describe('Faults that are known and fail nothing for a while. Those of top, suite and overrides are joined.'),
  expect: anyListOf(expectation)
    .optional()
    .describe('Known failures, and what is skipped. Those of top, suite and overrides are joined.'),
  env: env().optional().describe("Variables for the commands, laid over those of the image; a suite's over the top's."),
} as const;

const file = () => text('a path of the guest');

export const suite = strict({
  name: fitting(
    /^(?!\.+$)(?!\s)(?!.* > )(?!.* #\d+$)[^\p{Cc}*]{1,100}(?<!\s)$/u,
    'a name of 1 to 100 characters without *, " > " and " #1"',
  ).describe('Unique; the second half of the names of its jobs, CELL > SUITE.'),
  run: command().describe("What is run: a line for the guest's /bin/sh -c, or a list of a program and its arguments."),
  parse: z
    .union([
      oneOf(FORMAT_NAMES),
      strict({
        format: oneOf(FORMAT_NAMES).describe('A format of test results.'),
        file: file()
          .optional()
          .describe('Path in the guest of the file with the results; relative to cwd. Default: standard output.'),
      }),
    ])
    .optional()
    .describe('What the results are written in: a format, or one with a file. Default: exit-code.'),
  cwd: guestPath().optional().describe('Working directory of the commands. Default: that of the image, or /.'),
  user: z
    .union([fitting(/^[^\s\0]+$/, 'a name of a user, or uid[:gid]'), whole(0, 2 ** 32 - 2)])
    .optional()
    .describe('Name, or uid[:gid], that the commands run as. Default: that of the image, or root.'),
  setup: anyListOf(command())
    .optional()
    .describe('Commands before it, in order; the first that fails ends the attempt.'),
  teardown: anyListOf(command())
    .optional()
    .describe('Commands after it, also when it failed, as long as the guest lives.'),
  copyIn: anyListOf(
    strict({
      source: text('a path').describe('Path of this host, or a pattern (*, ?, [...], **).'),
      destination: guestPath().describe('Path in the guest; a directory, if it ends with a slash.'),
    }),
  )
    .optional()
    .describe('Files copied into the guest before setup.'),
  copyOut: anyListOf(
    z.union([
      guestPath(),
      strict({
        source: guestPath().describe('Path in the guest, or a pattern (*, ?, [...], **).'),
        destination: fitting(/^(?!\/)(?!(.*\/)?\.\.(\/|$))[^\0]+$/, 'a relative path without ".."')
          .optional()
          .describe("Below the attempt's directory in the results. Default: that directory."),
      }),
    ]),
  )
    .optional()
    .describe('Files copied out of the guest after teardown, also when the suite failed: a path, or an object.'),
  shares: anyListOf(
    strict({
      host: text('a path').describe('A directory of this host.'),
      guest: guestPath().describe('Where its contents go in the guest.'),
    }),
  )
    .optional()
    .describe('Directories that are copied into the guest before setup. A copy: what the guest writes there is lost.'),
  only: condition.optional().describe('In which cells, and with which kernels, the suite is run. Default: all.'),
  ...runShape,
}).meta({ id: 'Suite' });
