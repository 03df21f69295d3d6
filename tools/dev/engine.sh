# shellcheck shell=bash
# Sourced by ./dev: the Docker engine that runs applications. The build engine is a child of
# `segue serve` and is not started here.

ENGINE_SOCKET=/var/run/docker.sock

engine_answers() {
  [ -S "$ENGINE_SOCKET" ] && docker_at "$ENGINE_SOCKET" version --format '{{.Server.Version}}' 2>/dev/null
}

# The smallest MTU of the way out: a bridge with more loses large packets silently.
uplink_mtu() {
  local device
  device=$(ip -4 route show default 2>/dev/null | sed -n 's/.* dev \([^ ]*\).*/\1/p' | head -n 1)
  cat "/sys/class/net/${device:-lo}/mtu" 2>/dev/null | awk '{ print ($1 > 1500 || $1 < 1280) ? 1500 : $1 }'
}

# Makes sure that an engine answers. One started here is noted, so that `down` can stop it.
engine_up() {
  local version
  if version=$(engine_answers); then
    done_ "Docker engine $version runs already"
    return 0
  fi
  if [ -d /run/systemd/system ]; then
    step "starting the Docker engine through systemd"
    as_root systemctl start docker
  else
    step "starting a Docker engine (no systemd here): dockerd with live-restore, log in $STATE/log/dockerd.log"
    mkdir -p "$STATE/log"
    engine_cgroups
    local log="$STATE/log/dockerd.log"
    as_root setsid --fork bash -c 'echo $$ >"$1"; shift; log=$1; shift; exec "$@" >>"$log" 2>&1 </dev/null' \
      dockerd "$STATE/dockerd.raw" "$log" "$(PATH="$PATH:/usr/sbin:/sbin" command -v dockerd)" \
      --live-restore --mtu "$(uplink_mtu)" --log-level warn
    wait_for 5 "dockerd starts" test -s "$STATE/dockerd.raw" || return 1
    pid_write "$STATE/dockerd.pid" "$(cat "$STATE/dockerd.raw")"
    as_root rm -f "$STATE/dockerd.raw"
  fi
  wait_for 60 "the Docker engine answers" engine_answers || {
    [ -r "$STATE/log/dockerd.log" ] && tail -n 20 "$STATE/log/dockerd.log" >&2
    die "no Docker engine answers."
  }
  done_ "Docker engine $(engine_answers) started"
}

# A bare container or a minimal virtual machine has no cgroup hierarchy mounted.
engine_cgroups() {
  mountpoint -q /sys/fs/cgroup && return 0
  step "mounting the cgroup hierarchy, which the engine needs"
  as_root mount -t cgroup2 none /sys/fs/cgroup
}

# Stops the engine if we started it.
engine_down() {
  [ -e "$STATE/dockerd.pid" ] || return 0
  stop_pid "$STATE/dockerd.pid" 60 && done_ "Docker engine stopped (images and containers kept)"
}
