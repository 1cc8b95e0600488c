#!/bin/sh
# A file system under test, in KTAP (Documentation/dev-tools/ktap.rst): two tests with three subtests each.
failed=0
number=0

# check NAME COMMAND...: a subtest, which passes when the command does.
check() {
  name=$1
  shift
  number=$((number + 1))
  if "$@" 2>/dev/null; then
    echo "    ok $number $name"
  else
    echo "    not ok $number $name"
    failed=$((failed + 1))
  fi
}

# group COUNT NAME, then its checks, then ends NUMBER NAME.
group() {
  number=0
  before=$failed
  echo "    KTAP version 1"
  echo "    # Subtest: $2"
  echo "    1..$1"
}
ends() {
  if [ "$failed" = "$before" ]; then echo "ok $1 $2"; else echo "not ok $1 $2"; fi
}

refused() { ! "$@"; }

mkdir -p /mnt/t
echo 'KTAP version 1'
echo '1..2'

group 3 files
check mount mount -t tmpfs -o size=1m tmpfs /mnt/t
check 'write and read' sh -c 'echo hello >/mnt/t/a && grep -qx hello /mnt/t/a'
check 'rename replaces' sh -c 'echo new >/mnt/t/b && mv /mnt/t/b /mnt/t/a && grep -qx new /mnt/t/a && test ! -e /mnt/t/b'
ends 1 files

group 3 limits
check 'more than fits is refused' refused dd if=/dev/zero of=/mnt/t/big bs=64k count=32
check 'what was removed is free again' sh -c 'rm /mnt/t/big && dd if=/dev/zero of=/mnt/t/big bs=64k count=8'
check unmount umount /mnt/t
ends 2 limits

[ "$failed" = 0 ]
