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
SKIPPED=0

# stage NAME FUNCTION: runs it, notes time and result.
stage() {
  local name=$1 run=$2 begin=$SECONDS result=ok
  say ""
  say "== $name"
  "$run" || { result=FAILED; FAILED+=("$name"); }
  local took=$((SECONDS - begin)) remark=""
  [ "$took" -le "$STAGE_LIMIT" ] || remark="over ${STAGE_LIMIT}s: split or cache it"
  TABLE+=("$(printf '%-12s %5ss  %-6s %s' "$name" "$took" "$result" "$remark")")
}

table() {
  say ""
  say "stage          time  result"
  printf '%s\n' "${TABLE[@]}" >&2
  say "total        ${SECONDS}s"
}

stage_tools() {
  install_missing
  need_tool cargo-nextest cargo-nextest "runs tests"
  need_tool cargo-deny cargo-deny "checks licences, bans and sources"
  need_tool oas3-gen oas3-gen@0.29.0 "compares the generated client with the API's document"
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

stage_program() { cargo build --locked --quiet -p segue-app --bin segue; }

# Libraries first, for the same reason; then the test programs.
stage_libraries() {
  cargo build --workspace --lib --features "$TEST_FEATURES" --locked --quiet
}

stage_build() {
  cargo nextest run --workspace --features "$TEST_FEATURES" --locked --profile ci --no-run
}

# Everything but the end-to-end tests, which have a stage of their own. Chosen by target and not
# by filter: what a filter leaves out would count as skipped.
targets_but_e2e() {
  printf '%s\n' --lib --bins --examples
  cargo metadata --format-version 1 --no-deps --locked --offline |
    jq -r '[.packages[].targets[] | select(.kind == ["test"]) | .name | select(. != "e2e")] | unique | .[]' |
    sed 's/^/--test=/'
}

# Runs tests, every one, those marked as ignored included: this machine can run all of them.
# nextest_all LOG ARGUMENTS...
nextest_all() {
  local log=$STATE/log/$1.log status=0 last passed failed timed skipped
  shift
  mkdir -p "$STATE/log"
  cargo nextest run "$@" --locked --profile ci --run-ignored all --no-tests pass 2>&1 | tee "$log" >&2
  status=${PIPESTATUS[0]}
  last=$(sed 's/\x1b\[[0-9;]*m//g' "$log" | grep -E '^ *Summary ' | tail -n 1)
  if [ -z "$last" ]; then
    say "✗ the tests did not run"
    return 1
  fi
  passed=$(count_of passed) failed=$(count_of failed) timed=$(count_of 'timed out') skipped=$(count_of skipped)
  PASSED=$((PASSED + ${passed:-0}))
  BROKEN=$((BROKEN + ${failed:-0} + ${timed:-0}))
  SKIPPED=$((SKIPPED + ${skipped:-0}))
  if [ "${skipped:-0}" -ne 0 ]; then
    say "✗ $skipped tests were skipped that this machine can run"
    return 1
  fi
  return "$status"
}
count_of() { sed -n "s/.*[ ,]\([0-9][0-9]*\) $1.*/\1/p" <<<"$last" | head -n 1; }

stage_tests() {
  local targets
  mapfile -t targets < <(targets_but_e2e)
  nextest_all tests --workspace --features "$TEST_FEATURES" "${targets[@]}"
}

stage_bases() { bases_up "$ENGINE_SOCKET"; }

# The whole program on the real engine.
stage_e2e() {
  [ -e tests/tests/e2e ] || { say "there are none yet"; return 0; }
  SEGUE_BIN=${CARGO_TARGET_DIR:-$ROOT/target}/debug/segue nextest_all e2e -p segue-tests --test e2e
}

run_tests() {
  need_rust
  export CARGO_TERM_COLOR=${CARGO_TERM_COLOR:-never} SQLX_OFFLINE=true
  stage tools stage_tools
  stage fetch stage_fetch
  stage format stage_format
  stage lint-base stage_lint_base
  stage lint stage_lint
  stage deny stage_deny
  stage engine stage_engine
  stage queries stage_queries
  stage libraries stage_libraries
  stage build stage_build
  stage program stage_program
  stage tests stage_tests
  stage bases stage_bases
  stage e2e stage_e2e
  engine_down || true
  table
  local verdict=0
  if [ "${#FAILED[@]}" -ne 0 ]; then
    say "✗ failed: ${FAILED[*]}"
    verdict=1
  fi
  printf '%s passed, %s failed, %s skipped\n' "$PASSED" "$BROKEN" "$SKIPPED"
  return "$verdict"
}
