/** Configurations to start from: small, valid as they are, and with what most people want next in comments. Pure. */
import type { StarterFormat } from './command.js';

export const SCHEMA_PATH = './node_modules/vmtest/dist/config.schema.json';

export function starter(format: StarterFormat): string {
  switch (format) {
    case 'ts':
    case 'mjs':
      return MODULE;
    case 'yaml':
      return YAML;
    case 'json':
      return JSON_TEXT;
  }
}

const MODULE = `import { defineConfig } from 'vmtest';

// Paths are relative to this file. The reference: docs/config.md of vmtest.
export default defineConfig({
  // Axes. Every suite runs in every cell of kernels x memory, each time in a fresh guest.
  // cloud and generic are Debian's kernels; a path of your own works as well: '../linux'.
  kernels: ['cloud'],
  memory: ['512M'],

  // An axis of your own: its labels, and what is different in the guest.
  // axes: { preempt: { full: { append: 'preempt=full' }, lazy: { append: 'preempt=lazy' } } },

  // What all guests have alike. The default image is micro: busybox and nothing else.
  // guest: { image: 'debian-12', cpus: 2 },

  // Limits: '30s', '2m', or a number of milliseconds.
  timeouts: { command: '2m' },

  suites: [
    // A line for the guest's shell; it passes with exit code 0.
    { name: 'boots', run: 'uname -r && test -e /proc/cpuinfo' },

    // Tests that print TAP; ktap, kselftest, gtest, go-json, junit and pytest are read, too.
    { name: 'tap', run: 'echo 1..1; echo ok 1 - it works', parse: 'tap' },

    // Files of this directory, copied into the guest before the command, and results copied out after it.
    // {
    //   name: 'my tests',
    //   copyIn: [{ source: 'tests', destination: '/tests/' }],
    //   run: ['/tests/run.sh', '--all'],
    //   copyOut: ['/tests/*.log'],
    //   retries: 1,
    // },
  ],
});
`;

const YAML = `# yaml-language-server: $schema=${SCHEMA_PATH}
# Paths are relative to this file. The reference: docs/config.md of vmtest.

# Axes. Every suite runs in every cell of kernels x memory, each time in a fresh guest.
# cloud and generic are Debian's kernels; a path of your own works as well: ../linux
kernels: [cloud]
memory: [512M]

# An axis of your own: its labels, and what is different in the guest.
# axes:
#   preempt:
#     full: {append: preempt=full}
#     lazy: {append: preempt=lazy}

# What all guests have alike. The default image is micro: busybox and nothing else.
# guest: {image: debian-12, cpus: 2}

# Limits: 30s, 2m, or a number of milliseconds.
timeouts:
  command: 2m

suites:
  # A line for the guest's shell; it passes with exit code 0.
  - name: boots
    run: uname -r && test -e /proc/cpuinfo

  # Tests that print TAP; ktap, kselftest, gtest, go-json, junit and pytest are read, too.
  - name: tap
    run: echo 1..1; echo ok 1 - it works
    parse: tap

  # Files of this directory, copied into the guest before the command, and results copied out after it.
  # - name: my tests
  #   copyIn: [{source: tests, destination: /tests/}]
  #   run: [/tests/run.sh, --all]
  #   copyOut: [/tests/*.log]
  #   retries: 1
`;

/** Without comments, which JSON has not: editors show those of the schema. */
const JSON_TEXT = `{
  "$schema": "${SCHEMA_PATH}",
  "kernels": ["cloud"],
  "memory": ["512M"],
  "timeouts": { "command": "2m" },
  "suites": [
    { "name": "boots", "run": "uname -r && test -e /proc/cpuinfo" },
    { "name": "tap", "run": "echo 1..1; echo ok 1 - it works", "parse": "tap" }
  ]
}
`;
