# shellcheck shell=bash
# Sourced by ./dev: deploys examples/hello from source and shows where it answers.

# The deployment of the source that is in the checkout; another source is another one.
example_key() { (cd examples/hello && find . -type f -print0 | sort -z | xargs -0 sha256sum) | sha; }

example_url() { cat "$STATE/example.url" 2>/dev/null; }

# `*.localhost` is not resolved by every machine's libc, so curl is told.
example_answers() {
  local url host port
  url=$(example_url)
  [ -n "$url" ] || return 1
  host=${url#http://} host=${host%%[:/]*}
  port=$(sed -n 's|^http://[^:/]*:\([0-9]*\).*|\1|p' <<<"$url")
  curl -s -f -o /dev/null -m 5 --resolve "$host:${port:-80}:127.0.0.1" "$url/healthz"
}

example_up() {
  local key token
  key=$(example_key)
  if [ "$(cat "$STATE/example.key" 2>/dev/null)" = "$key" ] && wait_for 30 "the example answers" example_answers; then
    done_ "example runs already: $(example_url)"
    return 0
  fi
  token=$(example_token) || return 1
  step "deploying examples/hello from source"
  SEGUE_SERVER="http://$(api_address)" SEGUE_TOKEN=$token SEGUE_TEAM=examples \
    "$STATE/bin/segue" up examples/hello >"$STATE/example.url.new" || return 1
  tail -n 1 "$STATE/example.url.new" >"$STATE/example.url"
  rm -f "$STATE/example.url.new"
  wait_for 10 "the example answers" example_answers || return 1
  echo "$key" >"$STATE/example.key"
  done_ "example deployed: $(example_url)"
}

# A deploy token of the team `examples`, made by the operator's command and kept for the next time.
example_token() {
  local file=$STATE/example.token arguments
  if ! [ -s "$file" ]; then
    mapfile -t arguments < <(serve_arguments)
    (umask 077 && as_root "$STATE/bin/segue" admin token --team examples "${arguments[@]:1}" >"$file.new") &&
      mv "$file.new" "$file" || return 1
  fi
  cat "$file"
}
