# shellcheck shell=bash
# Sourced by ./dev: `./dev test` in stages, with a table of times at the end.
#
# A stage is a function. It fails the run, later stages that do not need it still run, so that
# one look at the output shows everything that is wrong.

STAGE_LIMIT=480
TABLE=()
FAILED=()
PASSED=0
BROKEN=0
FLAKY=0

# stage NAME FUNCTION: runs it, notes time and result.
stage() {
  local name=$1 run=$2 begin=$SECONDS result=ok
  say ""
  say "== $name"
  "$run" || { result=FAILED; FAILED+=("$name"); }
  local took=$((SECONDS - begin)) remark=""
  [ "$took" -le "$STAGE_LIMIT" ] || remark="over ${STAGE_LIMIT}s: split or cache it"
  TABLE+=("$(printf '%-64s %5ss  %-6s %s' "$name" "$took" "$result" "$remark")")
  say "-- $name: $result, ${took}s"
}

table() {
  say ""
  say "$(printf '%-64s %6s  %s' stage time result)"
  printf '%s\n' "${TABLE[@]}" >&2
  say "$(printf '%-64s %5ss' total "$SECONDS")"
}

stage_tools() {
  install_missing
  need_tool cargo-nextest cargo-nextest "runs tests"
  need_tool cargo-deny cargo-deny "checks licences, bans and sources"
  need_tool oas3-gen oas3-gen@0.29.0 "compares the generated client with the API's document"
  registry_up && python_up && need_node && node_modules_up openapi/clients/typescript && node_modules_up web || return 1
  # Before the first crate that holds them is compiled, not while it is.
  web_dist_kept "$(web_key)" || true
}

# Everything that the lock file names, once, so that later stages need no network.
stage_fetch() { cargo fetch --locked --quiet; }

stage_engine() { engine_up; }

stage_format() { cargo fmt --all --check -- -l; }

# The crates at the bottom bring most of what others wrote with them; apart, so that neither stage
# is long on a machine that has compiled nothing yet.
stage_lint_base() {
  cargo clippy -p segue-model -p segue-plan -p segue-store -p segue-driver -p segue-edge \
    --all-targets --features "$TEST_FEATURES" --locked --quiet -- -D warnings
}

stage_lint() { cargo clippy --workspace --all-targets --features "$TEST_FEATURES" --locked --quiet -- -D warnings; }

stage_deny() {
  local checks=(licenses bans sources) database=${SEGUE_ADVISORY_DB:-}
  if [ -n "$database" ]; then
    checks+=(advisories)
  else
    say "advisories are not checked: SEGUE_ADVISORY_DB names no copy of the database"
  fi
  cargo deny --locked --offline check --hide-inclusion-graph "${checks[@]}"
}

# Checked queries and the schema dump, against a private Postgres that it starts itself.
stage_queries() {
  cargo run --locked --quiet -p segue-store --no-default-features --example prepare -- --check
}

# The database tests need the crate's test databases, which are a feature that is never default.
TEST_FEATURES=segue-store/testing

# Libraries and the program first, for the same reason; then the test programs.
stage_program() {
  cargo build --workspace --lib --bins --features "$TEST_FEATURES" --locked --quiet
}

stage_build() {
  nextest run --no-run
}

# The end-to-end tests have stages of their own: they take minutes (tools/dev/end-to-end.sh).
END_TO_END='package(segue-tests) and binary(e2e)'

# Tests need root: they make networks and build engines. Who is not root runs them through sudo.
nextest() {
  local host runner=()
  if [ "$(id -u)" -ne 0 ]; then
    host=$(rustc -vV | sed -n 's/^host: //p' | tr 'a-z-' 'A-Z_')
    runner=("CARGO_TARGET_${host}_RUNNER=$ROOT/tools/dev/as-root")
  fi
  env "${runner[@]}" cargo nextest "$@" --workspace --features "$TEST_FEATURES" --locked --profile ci --run-ignored all
}

# Runs the tests of a filter, those marked as ignored included: this machine can run all of them.
# nextest_run LOG FILTER
nextest_run() {
  local log=$STATE/log/$1.log status=0 last
  nextest run --no-tests fail -E "$2" 2>&1 | tee "$log" >&2
  status=${PIPESTATUS[0]}
  last=$(sed 's/\x1b\[[0-9;]*m//g' "$log" | grep -E '^ *Summary ' | tail -n 1)
  if [ -z "$last" ]; then
    say "✗ the tests did not run"
    return 1
  fi
  # What the filter leaves out counts as skipped here; stage_complete looks at the whole.
  PASSED=$((PASSED + $(count_of passed)))
  BROKEN=$((BROKEN + $(count_of failed) + $(count_of 'timed out')))
  FLAKY=$((FLAKY + $(count_of flaky)))
  return "$status"
}
count_of() {
  local count
  count=$(sed -n "s/.*[ ,(]\([0-9][0-9]*\) $1.*/\1/p" <<<"$last" | head -n 1)
  echo "${count:-0}"
}

# Names of the tests of a filter, one per line; without a filter every test there is.
names_of() {
  nextest list --message-format json ${1:+-E "$1"} 2>/dev/null |
    jq -r '."rust-suites"[].testcases | to_entries[] | select(.value."filter-match".status == "matches") | .key'
}

stage_tests() { nextest_run tests "not ($END_TO_END)"; }

# Those of every installation, and those that tests/tests/e2e/samples.rs deploys on.
stage_bases() { bases_up "$ENGINE_SOCKET" && bases_up "$ENGINE_SOCKET" go php deno bun; }

# No test may be left out by a filter, an attribute or a broken binary.
stage_complete() {
  local all ran=$((PASSED + BROKEN))
  all=$(names_of | wc -l)
  if [ "$all" -eq 0 ] || [ "$ran" -ne "$all" ]; then
    say "✗ $ran tests ran, and there are $all"
    return 1
  fi
  say "all $all tests ran"
}

# The servers that database tests share (crates/store/src/testing), by process; a test adopts one that runs and leaves it
# running for the next.
test_databases() {
  # shellcheck disable=SC2016 # the inner shell expands it: only root sees these folders
  as_root sh -c 'for file in "$1"/segue-test-*/pg/data/postmaster.pid; do
    pid=$(head -n 1 "$file" 2>/dev/null) && [ -d "/proc/$pid" ] && echo "$pid"
  done' sh "${TMPDIR:-/tmp}" | sort
}

# Stops those that were not there before: databases_down BEFORE.
databases_down() {
  local mine pid
  mine=$(comm -13 <(printf '%s\n' "$1") <(test_databases))
  for pid in $mine; do
    as_root kill -INT "$pid"
    for _ in $(seq 300); do [ -d "/proc/$pid" ] || break; sleep 0.1; done
    [ ! -d "/proc/$pid" ] || say "✗ the tests' database server $pid did not stop"
  done
  [ -z "$mine" ] || say "✓ the tests' database server stopped (its folder is kept)"
}

run_tests() {
  local databases
  need_rust
  databases=$(test_databases)
  mkdir -p "$STATE/log"
  export CARGO_TERM_COLOR=${CARGO_TERM_COLOR:-never} SQLX_OFFLINE=true
  stage tools stage_tools
  stage fetch stage_fetch
  stage format stage_format
  begin_beside web stage_web clients stage_clients
  stage lint-base stage_lint_base
  stage lint stage_lint
  stage deny stage_deny
  stage engine stage_engine
  # The program holds what the dashboard's build made.
  join_beside
  stage queries stage_queries
  stage program stage_program
  stage build stage_build
  stage tests stage_tests
  stage bases stage_bases
  stages_e2e
  stage complete stage_complete
  databases_down "$databases"
  engine_down || true
  table
  local verdict=0
  if [ "${#FAILED[@]}" -ne 0 ]; then
    say "✗ failed: ${FAILED[*]}"
    verdict=1
  fi
  # A test passes at its first run or is named in .config/nextest.toml with its reason.
  [ "$FLAKY" -eq 0 ] || say "$FLAKY passed only on a repeat"
  printf '%s passed, %s failed\n' "$PASSED" "$BROKEN"
  return "$verdict"
}
