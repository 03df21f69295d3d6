# shellcheck shell=bash
# Sourced by ./dev: talk, privileges, packages, processes. Owns no decision about Segue itself.
# Everything that talks goes to stderr; stdout is for answers.

say()  { printf '%s\n' "$*" >&2; }
step() { printf '→ %s\n' "$*" >&2; }
done_() { printf '✓ %s\n' "$*" >&2; }
die()  { printf '✗ %s\n' "$*" >&2; exit 1; }
have() { command -v "$1" >/dev/null 2>&1; }

# Runs a command with the rights of root: directly when we are root, by sudo otherwise.
as_root() {
  if [ "$(id -u)" -eq 0 ]; then "$@"; return; fi
  have sudo || die "'$*' needs root, and sudo is not installed. Run it as root, then ./dev again."
  sudo -- "$@"
}

# docker_at SOCKET ARGS...: the client against one engine, whatever the environment says. Somebody
# who may not open the socket asks as root: a group joined a moment ago holds only at the next sign-in.
docker_at() {
  local socket=$1
  shift
  if [ -w "$socket" ]; then
    env -u DOCKER_CONTEXT DOCKER_HOST="unix://$socket" docker "$@"
  else
    as_root env -u DOCKER_CONTEXT DOCKER_HOST="unix://$socket" docker "$@"
  fi
}

# Waits until a command succeeds: wait_for SECONDS WHAT COMMAND...
wait_for() {
  local limit=$1 what=$2 end
  shift 2
  end=$((SECONDS + limit))
  until "$@" >/dev/null 2>&1; do
    [ "$SECONDS" -lt "$end" ] || { say "✗ $what: not within ${limit}s"; return 1; }
    sleep 0.2
  done
}

# Start time of a process in clock ticks since boot: with the pid it names a process for ever.
start_ticks() { sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | cut -d' ' -f20; }

# A pid file holds "PID TICKS". Prints the pid if that very process still lives.
pid_alive() {
  local pid ticks
  [ -r "$1" ] && read -r pid ticks <"$1" || return 1
  [ -n "$pid" ] && [ "$(start_ticks "$pid")" = "$ticks" ] && echo "$pid"
}

pid_write() { printf '%s %s\n' "$2" "$(start_ticks "$2")" >"$1"; }

# Stops the process of a pid file: SIGTERM, and SIGKILL after a limit. stop_pid FILE SECONDS
stop_pid() {
  local pid
  pid=$(pid_alive "$1") || { rm -f "$1"; return 0; }
  as_root kill -TERM "$pid" 2>/dev/null || true
  if ! wait_for "$2" "process $pid stops" pid_dead "$1"; then
    as_root kill -KILL "$pid" 2>/dev/null || true
    wait_for 10 "process $pid is gone" pid_dead "$1" || return 1
  fi
  rm -f "$1"
}
pid_dead() { ! pid_alive "$1" >/dev/null; }

# What a fresh Debian or Ubuntu lacks: command or file | package | why it is needed.
needed_packages() {
  cat <<'LIST'
git|git|sources of pushes, and this checkout
curl|curl|asking Segue whether it is ready
jq|jq|reading its answers
clang|clang|linking
mold|mold|linking fast
cc|build-essential|compiling C parts of dependencies
cmake|cmake|building aws-lc, the TLS arithmetic
dockerd|docker.io|running applications
docker|docker.io|talking to the engine
debootstrap|debootstrap|base images where no container registry is reachable
ip|iproute2|reading the network's MTU
iptables|iptables|networks of the engine
node|nodejs|building the dashboard
npm|npm|its packages
python3|python3|clients in Python, and what tries the API against its document
chromium|chromium|the walk through the dashboard
docker-compose|docker-compose|trying docker-compose.yml
strip|binutils|a small program in its image
LIST
}

missing_packages() {
  local command package why
  while IFS='|' read -r command package why; do
    PATH="$PATH:/usr/sbin:/sbin" have "$command" || printf '%s|%s\n' "$package" "$why"
  done < <(needed_packages)
  python3 -c 'import ensurepip' 2>/dev/null || printf '%s|%s\n' python3-venv "environments of Python"
  postgres_bin >/dev/null || printf '%s|%s\n' postgresql "the database's programs (Segue runs its own server)"
  [ -e /usr/share/keyrings/debian-archive-keyring.gpg ] ||
    printf '%s|%s\n' debian-archive-keyring "checking what debootstrap fetches"
}

# The newest folder with initdb and postgres in it.
postgres_bin() {
  local dir
  for dir in $(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -t/ -k5 -rn); do
    [ -x "$dir/postgres" ] && [ -x "$dir/initdb" ] && { echo "$dir"; return 0; }
  done
  return 1
}

# Installs what is missing, saying what and why.
install_missing() {
  local lines packages
  lines=$(missing_packages | sort -u)
  [ -n "$lines" ] || return 0
  have apt-get || die "these are missing and apt-get is not here to install them:
$(echo "$lines" | tr '|' '\t')"
  say "Installing with apt:"
  echo "$lines" | while IFS='|' read -r package why; do say "  $package: $why"; done
  packages=$(echo "$lines" | cut -d'|' -f1 | sort -u)
  if ! [ -e /etc/postgresql-common/createcluster.conf ] && grep -qx postgresql <<<"$packages"; then
    say "  (and no server of the distribution: Segue starts its own)"
    as_root mkdir -p /etc/postgresql-common/createcluster.d
    echo 'create_main_cluster = false' |
      as_root tee /etc/postgresql-common/createcluster.d/segue.conf >/dev/null
  fi
  mkdir -p "$STATE/log"
  # shellcheck disable=SC2086 # a list of package names
  apt_quietly update && apt_quietly install $packages || die "apt could not install them."
  # From Debian 13 the client is a package of its own.
  have docker || apt_quietly install docker-cli || die "apt could not install docker-cli."
  done_ "installed; all that apt said is in $STATE/log/apt.log"
}

# apt-get without its hundreds of lines: they go into a file, and are shown only when it fails.
apt_quietly() {
  local verb=$1
  shift
  as_root env DEBIAN_FRONTEND=noninteractive apt-get "$verb" -y -q --no-install-recommends "$@" \
    >>"$STATE/log/apt.log" 2>&1 </dev/null && return 0
  tail -n 20 "$STATE/log/apt.log" >&2
  return 1
}

need_rust() {
  have cargo && return 0
  [ -x "$HOME/.cargo/bin/cargo" ] && { PATH="$HOME/.cargo/bin:$PATH"; return 0; }
  die "no Rust toolchain: install one (rustup, stable >= 1.95) and run ./dev again."
}

# A cargo tool, made by cargo when it is missing: need_tool COMMAND CRATE WHY
need_tool() {
  have "$1" && return 0
  [ -x "$TOOLS_BIN/bin/$1" ] && return 0
  step "building $2 by cargo ($3); once, into $TOOLS_BIN"
  cargo install --locked --quiet --debug --root "$TOOLS_BIN" "$2" >&2
}
