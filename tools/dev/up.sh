# shellcheck shell=bash
# Sourced by ./dev: `./dev up`, `./dev down`, `./dev doctor`.

up() {
  place_state
  mkdir -p "$STATE/log"
  install_missing
  need_rust
  engine_up
  build_segue || die "segue does not build"
  serve_up || die "segue serve did not become ready; its log is in $STATE/log/serve.log"
  # Asked only when the list has changed: to look into the build engine is to start it.
  if [ "$(cat "$STATE/bases.key" 2>/dev/null)" != "$(bases_key)" ]; then
    own_bases_up "$(run_folder)" || die "base images are missing, so nothing can be built from source"
    bases_key >"$STATE/bases.key"
  fi
  example_up || die "the example was not deployed"
  local link
  link=$(setup_link)
  if [ -n "$link" ]; then
    say "Open this once (valid 30 min) to create the owner account:"
    printf '%s\n' "$link"
  fi
}

down() {
  serve_down
  engine_down
  done_ "stopped; all data is kept in $STATE"
}

# What is here and what is not. Changes nothing; fails when something needed is missing.
doctor() {
  local bad=0 lines version pid
  lines=$(missing_packages | sort -u)
  if [ -n "$lines" ]; then
    bad=1
    while IFS='|' read -r package why; do say "✗ $package is missing: $why"; done <<<"$lines"
  else
    done_ "every package is here"
  fi
  if have cargo; then done_ "$(cargo --version)"; else say "✗ no Rust toolchain"; bad=1; fi
  if version=$(engine_answers); then
    done_ "Docker engine $version"
  else
    say "✗ no Docker engine answers (./dev up starts one)"
    bad=1
  fi
  if postgres_bin >/dev/null; then done_ "PostgreSQL programs in $(postgres_bin)"; fi
  if pid=$(pid_alive "$STATE/serve.pid"); then
    done_ "segue serve runs (pid $pid)"
    if api_ready; then done_ "API ready on http://$(api_address)"; else say "✗ the API is not ready"; bad=1; fi
  else
    say "- segue serve does not run"
  fi
  return "$bad"
}
