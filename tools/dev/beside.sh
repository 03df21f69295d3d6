# shellcheck shell=bash
# Sourced by ./dev: stages of `./dev test` that are no cargo's, and so need not wait for its lock: the dashboard and the
# generated clients. They run beside the stages that compile.

BESIDE=()

# begin_beside NAME FUNCTION...: starts them; what they say goes into a file.
begin_beside() {
  local name run log
  while [ "$#" -gt 0 ]; do
    name=$1 run=$2 log=$STATE/log/beside-$1
    shift 2
    say ""
    say "== $name (beside the next stages)"
    rm -f "$log.result"
    (
      begin=$SECONDS result=ok
      "$run" >"$log.log" 2>&1 </dev/null || result=FAILED
      echo "$result $((SECONDS - begin))" >"$log.result"
    ) &
    BESIDE+=("$name $!")
  done
}

# Waits for them; notes time and result, and what they said when they failed.
join_beside() {
  local entry name pid result took
  for entry in "${BESIDE[@]}"; do
    read -r name pid <<<"$entry"
    wait "$pid"
    read -r result took <"$STATE/log/beside-$name.result" || { result=FAILED took=0; }
    TABLE+=("$(printf '%-64s %5ss  %-6s %s' "$name" "$took" "$result" "beside others")")
    say "-- $name: $result, ${took}s"
    [ "$result" = ok ] && continue
    FAILED+=("$name")
    tail -n 60 "$STATE/log/beside-$name.log" >&2
  done
  BESIDE=()
}

# Lint, types, unit tests and the build of the dashboard, which fails above its size.
stage_web() {
  (cd web && npm run --silent check && npm test --silent) && web_dist_up && web_offline
}

# What was made shall come from the server that serves it: nothing in it is loaded from elsewhere.
web_offline() {
  local found
  found=$(grep -rhoE '(src|href)="(https?:)?//[^"]*"|@import[^;]*//[^;]*|url\((https?:)?//[^)]*\)' \
    web/dist --include='*.html' --include='*.css' | sort -u)
  [ -z "$found" ] || { say "✗ these would be loaded from elsewhere: $found"; return 1; }
}

# The TypeScript and Python clients are what their generators make of openapi/v1.json. (The Rust one has a test.)
stage_clients() {
  local made=$STATE/clients differences=$STATE/log/clients.diff
  rm -rf --one-file-system "$made"
  mkdir -p "$made/python"
  : >"$differences"
  (cd openapi/clients/typescript && node generate.mjs --out "$made/typescript" && node_modules/.bin/tsc --noEmit) &&
    diff -r openapi/clients/typescript/src/generated "$made/typescript" >>"$differences" &&
    "$SEGUE_PYTHON_ENV/bin/python" openapi/clients/python/generate.py --out "$made/python" &&
    diff -r -x __init__.py -x py.typed -x connect.py -x stream.py -x __pycache__ \
      openapi/clients/python/segue_client "$made/python" >>"$differences" && return 0
  cut -c 1-160 "$differences" | head -n 20 >&2
  say "✗ a client is not what its generator makes. Make them anew: ./dev clients"
  return 1
}
