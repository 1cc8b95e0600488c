import { availableParallelism } from 'node:os';
import { quote } from '../lab/options.mjs';

/**
 * The shell command that runs a preset's native tests, all or those named.
 * @type {(preset: string, file: string, tests?: string[]) => string}
 */
export function ctestCommand(preset, file, tests) {
  const only = tests ? ` -R ${quote(`^(${tests.map(escapeRegex).join('|')})$`)}` : '';
  const jobs = availableParallelism();
  return `cd native && ctest --preset ${preset} --progress -j ${jobs} --output-junit ${quote(file)}${only}`;
}

/** @param {string} text */
function escapeRegex(text) {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
