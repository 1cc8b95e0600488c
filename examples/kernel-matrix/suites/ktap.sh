#!/bin/sh
# Results as a test module of the kernel writes them (Documentation/dev-tools/ktap.rst).
cat <<'KTAP'
KTAP version 1
1..2
    KTAP version 1
    # Subtest: list
    1..2
    ok 1 add
    ok 2 remove
ok 1 list
    KTAP version 1
    # Subtest: tree
    1..3
    ok 1 insert
    # expected 3 nodes, got 2
    not ok 2 balance
    ok 3 lookup # SKIP no memory for it
not ok 2 tree
KTAP
exit 1
