#!/bin/busybox sh
# The only program of the machine: it brings up what its orders need and then does as the other end of the console says,
# one line at a time. Each answer ends with a line of its own, "##done" and the exit status.
/bin/busybox mkdir -p /bin /proc /sys /dev /tmp
/bin/busybox --install -s /bin
export PATH=/tools:/bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
# The shell of busybox prefers its own `ip`, which knows no tunnels of this kind.
ip() { /tools/ip "$@"; }
while read -r module; do insmod "$module" || echo "cannot load $module"; done </modules/order
stty -echo -onlcr -F /dev/console
# The firmware leaves the console in the middle of a line.
echo
echo "##done 0"
while read -r order; do
  eval "$order" </dev/null 2>&1
  echo "##done $?"
done
poweroff -f
