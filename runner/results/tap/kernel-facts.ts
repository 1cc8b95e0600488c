/** Where and why a test of the kernel failed, out of the text before its result. Pure. */
import type { CaseLocation } from '../case-result.js';

export interface KernelFacts {
  message?: string;
  location?: CaseLocation;
}

/** KUnit: `# name: EXPECTATION FAILED at lib/list-test.c:42`. kselftest_harness.h: `# file.c:42:name:Expected 1 (1) == 2 (2)`. */
const KUNIT = /((?:EXPECTATION|ASSERTION) FAILED at ([^\s:]{1,300}):(\d{1,9}))/;
const HARNESS = /^[ \t]*([^\s:]{1,300}\.(?:c|cc|cpp|h)):(\d{1,9}):[^\s:]{1,200}:(Expected .*)$/m;

export function kernelFacts(text: string): KernelFacts {
  const kunit = KUNIT.exec(text);
  if (kunit !== null) return { message: kunit[1] ?? '', location: { file: kunit[2] ?? '', line: Number(kunit[3]) } };
  const harness = HARNESS.exec(text);
  if (harness === null) return {};
  return { message: harness[3] ?? '', location: { file: harness[1] ?? '', line: Number(harness[2]) } };
}
