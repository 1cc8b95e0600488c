/** Which reporters a configuration wants, and how. */
import { z } from 'zod';
import { REPORTER_NAMES } from '../../reporters/spec.js';
import { flag, listOf, oneOf, strict, text } from './leaf.js';

const reporterName = () => oneOf(REPORTER_NAMES);

const options = () =>
  strict({
    outputFile: text('a path')
      .optional()
      .describe('Of json, junit and blob: the file, or the directory; - is standard output. Default: in the results.'),
    dialect: oneOf(['jenkins', 'surefire'])
      .optional()
      .describe('Of junit: surefire is a directory with a file for each job. Default: jenkins.'),
    flakyFailures: flag()
      .optional()
      .describe('Of junit: <flakyFailure> for cases that passed only when tried again. Default: false.'),
    locations: flag().optional().describe('Of junit: file and line of cases as attributes. Default: false.'),
    attachments: oneOf(['relative', 'absolute'])
      .optional()
      .describe('Of junit: paths in [[ATTACHMENT|path]]; Jenkins wants absolute, GitLab relative. Default: relative.'),
  });

export const reporters = () =>
  listOf(
    z.union([
      reporterName(),
      z.tuple([reporterName(), options()], { error: 'a name of a reporter, or [name, options]' }),
    ]),
  );
