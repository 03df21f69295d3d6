#!/bin/bash
# The build engine of docker-compose.yml: a Docker daemon in a container of its own, because people's builds do not
# run on the engine of the applications. Its limits are those of the container.
set -euo pipefail
run=/run/segue-builder
# A daemon in a container keeps its own processes in a group beside those that it makes.
mount -o remount,rw /sys/fs/cgroup
if [ -f /sys/fs/cgroup/cgroup.controllers ]; then
  mkdir -p /sys/fs/cgroup/init
  xargs -r -n 1 </sys/fs/cgroup/cgroup.procs >/sys/fs/cgroup/init/cgroup.procs 2>/dev/null || true
  sed -e 's/ / +/g' -e 's/^/+/' /sys/fs/cgroup/cgroup.controllers >/sys/fs/cgroup/cgroup.subtree_control
fi
# Metadata services of clouds answer there, and builds have no business with them.
iptables -N SEGUE-BUILD 2>/dev/null || iptables -F SEGUE-BUILD
iptables -A SEGUE-BUILD -d 169.254.0.0/16 -j REJECT
iptables -C FORWARD -j SEGUE-BUILD 2>/dev/null || iptables -I FORWARD -j SEGUE-BUILD
rm -f /var/run/docker.pid /run/containerd/containerd.pid "$run/docker.pid"
exec dockerd --host "unix://$run/docker.sock" --data-root /var/lib/docker --exec-root "$run/exec" \
  --pidfile "$run/docker.pid" --bip 10.95.255.1/24 --ip-forward=false --log-level warn
