#!/bin/sh
# PID 1 of the lab's outer guest: builds a root file system out of the host's, runs one command in it, and
# reports how that ended. Anything printed here goes to the serial console, which is shown when the lab fails.
export PATH=/bin
/bin/busybox --install -s /bin

fail() {
  echo "lab: $*"
  reboot -f # QEMU runs with -no-reboot: it ends
}

mount -t proc proc /proc || fail 'cannot mount /proc'
mount -t sysfs sysfs /sys || fail 'cannot mount /sys'
mount -t devtmpfs dev /dev || fail 'cannot mount /dev'
. /lab.conf # CHECKOUT, MARKER

while read -r module; do
  insmod "/modules/$module" || fail "cannot load $module"
done </modules/order
[ -c /dev/kvm ] || fail 'the emulated CPU has no virtualization extensions: no /dev/kvm'
# udev would set this: users other than root may open it in the tests.
chmod 666 /dev/kvm

# cache=loose keeps what was read: nobody else changes these files while the lab runs.
p9=trans=virtio,version=9p2000.L,msize=512000,cache=loose
mkdir -p /lower /upper /new
mount -t 9p -o "$p9,ro" host /lower || fail 'cannot mount the host file system'
mount -t tmpfs -o mode=755 tmpfs /upper || fail 'cannot mount a tmpfs'
mkdir /upper/data /upper/work
mount -t overlay -o lowerdir=/lower,upperdir=/upper/data,workdir=/upper/work root /new || fail 'cannot mount the overlay'
# Sockets cannot be bound on 9p, and run-time files of the host mean nothing here.
mkdir -p /new/tmp /new/run /new/proc /new/sys /new/dev
mount -t tmpfs -o mode=1777 tmpfs /new/tmp || fail 'cannot mount /tmp'
mount -t tmpfs -o mode=755 tmpfs /new/run || fail 'cannot mount /run'
mount -t proc proc /new/proc
mount -t sysfs sysfs /new/sys
mount -t debugfs debugfs /new/sys/kernel/debug
mount -t cgroup2 cgroup2 /new/sys/fs/cgroup || fail 'cannot mount the control groups'
mount -t devtmpfs dev /new/dev
mkdir -p /new/dev/pts /new/dev/shm
mount -t devpts -o gid=5,mode=620,ptmxmode=666 devpts /new/dev/pts
mount -t tmpfs -o mode=1777 tmpfs /new/dev/shm
ln -sf /proc/self/fd /new/dev/fd
ln -sf /proc/self/fd/0 /new/dev/stdin
ln -sf /proc/self/fd/1 /new/dev/stdout
ln -sf /proc/self/fd/2 /new/dev/stderr
mkdir -p "/new$CHECKOUT"
mount -t 9p -o "$p9" checkout "/new$CHECKOUT" || fail "cannot mount $CHECKOUT"
ip link set lo up
hostname kvm-lab

# Ports (outer-guest.mjs): 1 control, 2 stdin, 3 stdout, 4 stderr. The command gets pipes: a program that
# looks what its stdout is would not know a virtio port.
group=/new/sys/fs/cgroup/command
mkdir "$group" || fail 'cannot make a control group'
mkfifo /in /out /err
exec 7<>/dev/vport0p1
{ while read -r word <&7; do [ "$word" = stop ] && echo 1 >"$group/cgroup.kill"; done; } &
cat </dev/vport0p2 >/in 2>/dev/null &
{ cat; printf %s "$MARKER"; } </out >/dev/vport0p3 &
out=$!
{ cat; printf %s "$MARKER"; } </err >/dev/vport0p4 &
err=$!

cp /command /new/run/kvm-lab-command
echo ready >&7
(
  echo 0 >"$group/cgroup.procs"
  exec 7>&-
  exec chroot /new /bin/sh /run/kvm-lab-command
) </in >/out 2>/err &
wait $!
code=$?
# Whatever the command left running holds its pipes open; it ends with the command.
echo 1 >"$group/cgroup.kill"
wait "$out" "$err"
# Busy while what was killed is still exiting.
umount "/new$CHECKOUT" 2>/dev/null || sync
echo "exit $code" >&7
while :; do sleep 3600; done
