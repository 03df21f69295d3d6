#!/usr/bin/env bash
# A Segue of its own for the walk: server.sh up STATE PROGRAM | down STATE. Prints the set-up link.
# Everything it keeps lies in STATE, which `down` empties but for the build engine's images: to make them anew takes
# longer than the walk.
set -uo pipefail
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)
cd "$ROOT" || exit 1
STATE=${2:?a folder for the state}
SEGUE_CACHE=${SEGUE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/segue}
TOOLS_BIN=$SEGUE_CACHE/tools
export PATH="$PATH:$TOOLS_BIN/bin:/usr/sbin:/sbin"
for part in lib engine bases ca serve; do . "tools/dev/$part.sh"; done

case "$1" in
  up)
    mkdir -p "$STATE/log" "$STATE/bin"
    cp "${3:?the program}" "$STATE/bin/segue"
    cat >"$STATE/local.toml" <<'TOML'
[api]
listen = "127.0.0.1:3910"
[edge]
http = ["127.0.0.1:8990"]
https = ["127.0.0.1:8993"]
admin = "127.0.0.1:8991"
[mail]
server = "smtp://localhost:3925"
from = "segue@example.com"
TOML
    engine_up >&2 && serve_up >&2 && own_bases_up "$(run_folder)" >&2 && setup_link
    ;;
  down)
    installation=$(cat "$STATE/server/installation" 2>/dev/null)
    serve_down >&2
    if [ -n "$installation" ]; then
      left=$(docker_at "$ENGINE_SOCKET" ps -aq --filter "label=segue.installation=$installation")
      # shellcheck disable=SC2086 # a list of ids
      [ -z "$left" ] || docker_at "$ENGINE_SOCKET" rm -f $left >/dev/null
    fi
    if [ -d "$STATE" ]; then
      as_root find "$STATE" -mindepth 1 -maxdepth 1 ! -name server -exec rm -rf --one-file-system {} +
      as_root find "$STATE/server" -mindepth 1 -maxdepth 1 ! -name build -exec rm -rf --one-file-system {} + 2>/dev/null
    fi
    ;;
esac
