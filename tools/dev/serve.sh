# shellcheck shell=bash
# Sourced by ./dev: builds Segue, starts `segue serve`, stops it, deploys the example.

# Sockets need short paths, so they do not lie in the checkout.
run_folder() {
  local tag
  tag=$(printf '%s' "$STATE" | sha | cut -c1-8)
  echo "/run/segue-$tag"
}

# The server is root's (it runs a build engine), and its Postgres is another account's, which must
# be able to pass to the data. Under sudo that account is the person's own. Root's own home is closed
# on most machines: then the state lies in /var/lib, and .segue of the checkout points there.
place_state() {
  local elsewhere
  if [ "$(id -u)" -ne 0 ] || passable "$STATE"; then return 0; fi
  [ -z "${SEGUE_DEV_STATE:-}" ] ||
    die "a folder above $STATE is closed to other accounts, so Postgres cannot pass to its data. Set SEGUE_DEV_STATE to another one."
  elsewhere=/var/lib/segue-dev/$(printf '%s' "$ROOT" | sha | cut -c1-8)
  say "$ROOT is closed to other accounts, and Postgres is one: all state lies in $elsewhere, and .segue points there."
  mkdir -p /var/lib/segue-dev
  if [ -d "$STATE" ]; then mv "$STATE" "$elsewhere"; else mkdir -p "$elsewhere"; fi
  ln -s "$elsewhere" "$ROOT/.segue"
  STATE=$elsewhere
}

# Whether every folder above this one lets other accounts pass.
passable() {
  local folder=$1
  while folder=$(dirname "$folder"); [ "$folder" != / ]; do
    case $(stat -c %A "$folder" 2>/dev/null) in
      *x | *t | "") ;;
      *) return 1 ;;
    esac
  done
}

# The arguments of `segue serve`. People's own settings are in local.toml; where things lie, and
# what this machine's authorities are, is ours to say.
serve_arguments() {
  local ca
  printf '%s\n' serve
  [ ! -e "$STATE/local.toml" ] || printf '%s\n' --config "$STATE/local.toml"
  printf '%s\n' --set "state=$STATE/server" --set "run=$(run_folder)"
  # A share of the usual range, so that another installation on this engine has another one.
  printf '%s\n' --set "engine.subnets=10.$((96 + 0x$(printf '%s' "$STATE" | sha | cut -c1))).0.0/16"
  [ "$(id -u)" -eq 0 ] || printf '%s\n' --set "database.account=$(id -un)"
  ca=$(extra_ca)
  [ -z "$ca" ] || printf '%s\n' --set "build.extra_ca=$ca"
}

# The program that the server runs is a copy, so that a later build does not pull it away from
# under a server that starts its children again.
build_segue() {
  local profile=${SEGUE_PROFILE:-dev} folder=debug
  [ "$profile" = dev ] || folder=$profile
  web_dist_up || return 1
  step "building segue (cargo, profile $profile)"
  cargo build --locked --quiet --profile "$profile" -p segue-app --bin segue || return 1
  local built=${CARGO_TARGET_DIR:-$ROOT/target}/$folder/segue
  mkdir -p "$STATE/bin"
  cmp -s "$built" "$STATE/bin/segue" && return 0
  cp "$built" "$STATE/bin/segue.new" && mv "$STATE/bin/segue.new" "$STATE/bin/segue"
}

# Where the running server's API listens; it writes that down itself.
api_address() { cat "$(run_folder)/api.address" 2>/dev/null; }

api_ready() { [ "$(curl -s -o /dev/null -m 2 -w '%{http_code}' "http://$(api_address)/readyz")" = 200 ]; }

serve_up() {
  local pid form arguments
  mkdir -p "$STATE/log" "$STATE/server"
  mapfile -t arguments < <(serve_arguments)
  form=$({ sha <"$STATE/bin/segue"; printf '%s\n' "${arguments[@]}"; cat "$STATE/local.toml" 2>/dev/null; } | sha)
  if pid=$(pid_alive "$STATE/serve.pid"); then
    if [ "$(cat "$STATE/serve.form" 2>/dev/null)" = "$form" ]; then
      done_ "segue serve runs already (pid $pid)"
      return 0
    fi
    step "program or settings changed: handing over to a new supervisor"
    as_root kill -HUP "$pid"
    wait_for 20 "the old supervisor lets go" pid_dead "$STATE/serve.pid" || return 1
  fi
  as_root env ${SSL_CERT_FILE:+"SSL_CERT_FILE=$SSL_CERT_FILE"} setsid --fork bash -c 'echo $$ >"$1"; shift; log=$1; shift; exec "$@" >>"$log" 2>&1 </dev/null' \
    serve "$STATE/serve.raw" "$STATE/log/serve.log" \
    "$STATE/bin/segue" "${arguments[@]}"
  wait_for 5 "segue serve starts" test -s "$STATE/serve.raw" || return 1
  pid_write "$STATE/serve.pid" "$(cat "$STATE/serve.raw")"
  as_root rm -f "$STATE/serve.raw"
  echo "$form" >"$STATE/serve.form"
  if ! wait_for 60 "segue serve is ready" api_ready; then
    # shellcheck disable=SC2016 # expanded by the shell that may read them
    as_root bash -c 'tail -n 15 "$1/log/serve.log" "$1"/server/log/*.log' tails "$STATE" >&2 2>/dev/null
    return 1
  fi
  done_ "segue serve started, API on http://$(api_address)"
}

serve_down() {
  local installation
  if pid_alive "$STATE/serve.pid" >/dev/null; then
    step "stopping segue serve"
    # The supervisor allows itself 90 s.
    stop_pid "$STATE/serve.pid" 100 || return 1
    done_ "segue serve stopped"
  fi
  rm -f "$STATE/serve.form"
  # Applications survive the server by design; `down` means them too.
  installation=$(cat "$STATE/server/installation" 2>/dev/null)
  if [ -n "$installation" ] && engine_answers >/dev/null; then
    local ours
    ours=$(docker_at "$ENGINE_SOCKET" ps -q --filter "label=segue.installation=$installation")
    # shellcheck disable=SC2086 # a list of ids
    [ -z "$ours" ] || { docker_at "$ENGINE_SOCKET" stop -t 10 $ours >/dev/null && done_ "applications stopped"; }
  fi
}

setup_link() { as_root cat "$(run_folder)/setup-link" 2>/dev/null; }
