# shellcheck shell=bash
# Sourced by ./dev: the end-to-end stages of `./dev test`, the whole program on the real engine.

# Those that kill things under load, and compare counts to the request, are alone; the others are beside each other
# (.config/nextest.toml has the same list, tests/src/lock.rs the reason).
ALONE='test(/^(engine|faults|receipt|switch)::/)'

# On a machine that has never run it, it installs and compiles all that ten applications need: a stage of its own.
SAMPLES='test(/^samples::/)'

stage_e2e_samples() { nextest_run e2e-samples "$END_TO_END and $SAMPLES"; }
stage_e2e_beside() { nextest_run e2e-beside "$END_TO_END and not ($ALONE or $SAMPLES)"; }
stage_e2e_alone() { nextest_run e2e-alone "$END_TO_END and $ALONE"; }

stages_e2e() {
  export SEGUE_BIN=${CARGO_TARGET_DIR:-$ROOT/target}/debug/segue SEGUE_CALLS=$STATE/calls
  rm -rf --one-file-system "$SEGUE_CALLS"
  mkdir -p "$SEGUE_CALLS"
  begin_beside dashboard stage_dashboard
  stage "e2e samples" stage_e2e_samples
  stage "e2e beside each other" stage_e2e_beside
  join_beside
  stage "e2e alone" stage_e2e_alone
  stage operations stage_operations
}

# The walk through the dashboard in Debian's Chromium, against a Segue of its own.
stage_dashboard() { (cd web && npm run --silent e2e) >&2; }

# Operations of the document: METHOD path, a tab, and its name.
operations() {
  jq -r '.paths | to_entries[] | .key as $path | .value | to_entries[] | select(.value.operationId)
    | "\(.key | ascii_upcase) \($path)\t\(.value.operationId)"' openapi/v1.json
}

# Each operation of the document was called with success by an end-to-end test that is written by hand.
stage_operations() {
  local missing
  # Told apart by a variable: of no calls at all NR and FNR say nothing.
  missing=$(operations | awk -F '\t' 'calls { called[$1] = 1; next } !($1 in called)' \
    calls=1 <(cat "$SEGUE_CALLS"/* 2>/dev/null) calls=0 -)
  [ -n "$(operations)" ] || { say "✗ the document has no operations"; return 1; }
  [ -z "$missing" ] && { say "all $(operations | wc -l) operations were called"; return 0; }
  say "✗ no end-to-end test calls these with success:"
  printf '%s\n' "$missing" >&2
  return 1
}
