/** The schema's issues as sentences. Pure. */
import type { z } from 'zod';
import { type ConfigPath, pathText } from '../plan/config-problem.js';
import { configSchema } from './schema/config.js';
import { shown } from './shown.js';
import type { VmtestConfig } from './vmtest-config.js';

export interface Problem {
  /** Where it is. */
  path: ConfigPath;
  /** `suites[2].retries: 1.5 is not a whole number from 0 to 100`. */
  message: string;
}

/** The configuration, or everything that is wrong with it, in the order of the schema. */
export function checkConfig(value: unknown): { config: VmtestConfig } | { problems: readonly Problem[] } {
  const checked = configSchema.safeParse(value);
  if (checked.success) return { config: checked.data };
  const problems = checked.error.issues.flatMap((issue) => problemsOf(issue, [], value));
  // A number may be wrong in two ways, and told in the same words.
  return { problems: [...new Map(problems.map((each) => [each.message, each])).values()] };
}

type Issue = z.core.$ZodIssue;

/** `input` is what stands at `base`. */
function problemsOf(issue: Issue, base: ConfigPath, input: unknown): Problem[] {
  const own = issue.path.map((key) => (typeof key === 'symbol' ? String(key) : key));
  const path = [...base, ...own];
  const value = own.reduce(child, input);
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((key) => problem([...path, key], `no such key; ${hint(issue, key)}`));
    case 'invalid_key':
      return [problem(path, `${shown(own.at(-1))} is not ${issue.issues[0]?.message ?? 'a key'}`)];
    case 'invalid_union': {
      const branch = meantBranch(issue.errors, value);
      if (branch !== undefined) return branch.flatMap((each) => problemsOf(each, path, value));
      return [expected(path, value, issue.errors[0]?.[0]?.message ?? 'one of what it can be')];
    }
    default:
      return [expected(path, value, issue.message)];
  }
}

const problem = (path: ConfigPath, message: string): Problem => ({
  path,
  message: path.length === 0 ? `the configuration ${message}` : `${pathText(path)}: ${message}`,
});

const expected = (path: ConfigPath, value: unknown, what: string): Problem =>
  problem(path, value === undefined ? `is missing; it must be ${what}` : `${shown(value)} is not ${what}`);

/** The alternative that the user had in mind: what is wrong with it is inside of it, or at least it is of the right type. */
function meantBranch(branches: readonly (readonly Issue[])[], value: unknown): readonly Issue[] | undefined {
  return (
    branches.find((issues) => issues.every(({ path, code }) => path.length > 0 || code === 'unrecognized_keys')) ??
    branches.find((issues) => !issues.some((issue) => issue.path.length === 0 && isOtherType(issue, value)))
  );
}

function isOtherType(issue: Issue, value: unknown): boolean {
  if (issue.code === 'invalid_type') return true;
  if (issue.code === 'invalid_union') return meantBranch(issue.errors, value) === undefined;
  return (issue.code === 'custom' || issue.code === 'invalid_value') && typeof value === 'object';
}

/** The message of an issue of several keys is about the first of them. */
const hint = (issue: Issue & { keys: string[] }, key: string): string =>
  key === issue.keys[0] ? issue.message : 'see docs/config.md';

function child(value: unknown, key: string | number): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined;
  return (value as Record<string | number, unknown>)[key];
}
