/** Which reporters are wanted, and how. Pure. */
import { VmtestError } from '../errors.js';

export const REPORTER_NAMES = ['list', 'dot', 'line', 'json', 'junit', 'github', 'blob'] as const;
export type ReporterName = (typeof REPORTER_NAMES)[number];

/** What each of them is for; the help prints it. */
export const REPORTER_DOCS: Readonly<Record<ReporterName, string>> = {
  list: 'each job as it ends, what failed in full, and live progress on a terminal',
  line: 'what failed, and progress in one line on a terminal',
  dot: 'one character for each case, and what failed at the end',
  json: 'one JSON document',
  junit: 'JUnit XML, for Jenkins, GitLab and others',
  github: 'annotations and a job summary, for GitHub Actions',
  blob: 'a directory for merge-reports: the events and the files of the jobs',
};

export interface ReporterSpec {
  name: ReporterName;
  /**
   * File (`json`, `junit`) or directory (`blob`, and `junit` of the dialect `surefire`); `-` is standard output. Default:
   * `report.json`, `junit.xml`, `surefire` and `blob` in the results, or standard output in a replay.
   */
  output?: string;
  junit?: JunitOptions;
}

export interface JunitOptions {
  /**
   * `jenkins`: one file with a `<testsuite>` for each job. `surefire`: a directory with a file for each job, each
   * valid for Maven Surefire's schema and Jenkins'. Default: `jenkins`.
   */
  dialect?: 'jenkins' | 'surefire' | undefined;
  /** Tell of cases that passed only when tried again with `<flakyFailure>`. Default: they are passed. */
  flakyFailures?: boolean | undefined;
  /** `file` and `line` of cases, which GitLab and others show and neither schema has. Default: only in the text. */
  locations?: boolean | undefined;
  /**
   * How the files of a job are named in `[[ATTACHMENT|path]]`: for GitLab relative to the working directory, for
   * Jenkins absolute. Default: `relative`.
   */
  attachments?: 'relative' | 'absolute' | undefined;
}

const SWITCHES: Readonly<Record<string, JunitOptions>> = {
  surefire: { dialect: 'surefire' },
  flaky: { flakyFailures: true },
  locations: { locations: true },
  absolute: { attachments: 'absolute' },
};

/**
 * `list,junit=out.xml`: names with an output each, after `=`. `junit+flaky+surefire=DIR` turns on what is off by
 * default: `surefire`, `flaky`, `locations`, `absolute`. Throws VMTEST_USAGE.
 */
export function parseReporters(option: string, list: string): ReporterSpec[] {
  const usage = (message: string): VmtestError => new VmtestError('VMTEST_USAGE', `${option}: ${message}`);
  const specs = list.split(',').map((item): ReporterSpec => {
    const equals = item.indexOf('=');
    const [word = '', ...switches] = (equals < 0 ? item : item.slice(0, equals)).split('+');
    const name = REPORTER_NAMES.find((each) => each === word);
    if (name === undefined) throw usage(`"${word}" is no reporter; there are ${REPORTER_NAMES.join(', ')}`);
    const output = equals < 0 ? undefined : item.slice(equals + 1);
    if (output !== undefined) {
      if (!takesOutput(name)) throw usage(`${name} writes to standard output and takes no file`);
      if (output === '' || output.includes('\0')) throw usage(`${name}=: names no file`);
    }
    if (switches.length > 0 && name !== 'junit') throw usage(`"${item}": only junit has switches`);
    const junit: JunitOptions = {};
    for (const each of switches) {
      const known = Object.hasOwn(SWITCHES, each) ? SWITCHES[each] : undefined;
      if (known === undefined)
        throw usage(`junit has no switch "${each}"; there are ${Object.keys(SWITCHES).join(', ')}`);
      Object.assign(junit, known);
    }
    return { name, ...(output === undefined ? {} : { output }), ...(switches.length === 0 ? {} : { junit }) };
  });
  const twice = specs.find(({ name }, i) => specs.findIndex((other) => other.name === name) < i);
  if (twice !== undefined && !takesOutput(twice.name)) throw usage(`${twice.name} is named twice`);
  // Two of them would write one file.
  const equal = (a: ReporterSpec, b: ReporterSpec): boolean => JSON.stringify(a) === JSON.stringify(b);
  return specs.filter((spec, i) => specs.findIndex((other) => equal(other, spec)) === i);
}

/** Whether a reporter writes a document, and not lines to the terminal. */
export const takesOutput = (name: ReporterName): boolean => name === 'json' || name === 'junit' || name === 'blob';
