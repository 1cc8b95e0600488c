/** In what the dialects of TAP differ. */
export interface TapRules {
  /** A document without a plan is one that was cut off. */
  planRequired: boolean;
  /** Comments belong to the result that follows them, as in the kernel, and not to the one before, as in TAP. */
  commentsBefore: boolean;
  /** A test point has a number: `ok` alone is output, which there is a lot of. */
  numberRequired: boolean;
  /** `# Subtest:` begins another subtest when it stands at the indentation of one that has a name. */
  siblingSubtests: boolean;
  /** `Bail out!` in a subtest ends everything. */
  bailEndsAll: boolean;
  /** Columns that the unwrapping put before the output of a test. */
  outputIndent: number;
  /** From a description to names of a path. */
  names(description: string): string[];
}

export const TAP_RULES: TapRules = {
  planRequired: true,
  commentsBefore: false,
  numberRequired: false,
  siblingSubtests: false,
  bailEndsAll: true,
  outputIndent: 0,
  names: (description) => [description],
};

export const KTAP_RULES: TapRules = {
  planRequired: false,
  commentsBefore: true,
  numberRequired: true,
  siblingSubtests: true,
  bailEndsAll: false,
  outputIndent: 0,
  names: (description) => [description],
};

export const KSELFTEST_RULES: TapRules = {
  ...KTAP_RULES,
  siblingSubtests: false,
  outputIndent: 4,
  names(description) {
    // The runner names a test as "selftests: net/lib: csum.sh"; the last part may have a colon, the folder not.
    const match = /^selftests: ([^:]+): (.+)$/s.exec(description);
    return match === null ? [description] : [match[1] ?? '', match[2] ?? ''];
  },
};
