#!/bin/sh
# What the kernel says: it keeps what it is told, and nothing went wrong since the boot.
echo TAP version 14
echo 1..2

mark="quickstart: $$ was here"
echo "<6>$mark" >/dev/kmsg
if dmesg | grep -qF "$mark"; then
  echo 'ok 1 - a message to /dev/kmsg is in the log'
else
  echo 'not ok 1 - a message to /dev/kmsg is in the log'
fi

bad='WARNING:|BUG:|Oops|Call Trace:|INFO: task .* blocked|possible circular locking'
if dmesg | grep -E "$bad" >/tmp/bad; then
  echo 'not ok 2 - the boot has no warnings'
  sed 's/^/# /' /tmp/bad
else
  echo 'ok 2 - the boot has no warnings'
fi
