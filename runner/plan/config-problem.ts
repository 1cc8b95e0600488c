/** What is wrong with a configuration, and where: the loader puts the file and the line before it. */
import { VmtestError } from '../errors.js';

/** Keys and indices from the top of a configuration. */
export type ConfigPath = readonly (string | number)[];

/** `suites[2].retries`; keys that are no plain words are quoted: `axes["my axis"]`. */
export function pathText(path: ConfigPath): string {
  return path
    .map((key, index) => {
      if (typeof key === 'number') return `[${key}]`;
      if (!/^[\w$-]+$/.test(key)) return `[${JSON.stringify(key)}]`;
      return index === 0 ? key : `.${key}`;
    })
    .join('');
}

/** `VMTEST_CONFIG`: the path, then what is wrong with what is there. */
export function configProblem(path: ConfigPath, message: string): VmtestError {
  const where = path.length === 0 ? '' : `${pathText(path)}: `;
  return new VmtestError('VMTEST_CONFIG', `${where}${message}`, { context: { path } });
}
