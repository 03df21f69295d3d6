# shellcheck shell=bash
# Sourced by .ci/run: a clone gives every file the time of the clone, and cargo compiles again what is newer than what it
# made. Files whose content is that of the clone before keep the time that they had there.
#
# The list lies in the target folder, so that it belongs to what was compiled: per file its content's hash, its time, its
# path. A file gets its old time only when the *last* list has the same content under the same path: content that went
# away and came back is as new as a change. The list is written before anything is compiled; an interrupted run leaves
# sources that are newer than what was made of them, as it should. A clone in another place is new throughout: test
# programs hold the path of what they were made from.

# kept_times_up TARGET: run at the root of a clone without changes.
kept_times_up() {
  local list=$1/sources.tsv place=$1/sources.place now=$1/sources.now
  mkdir -p "$1"
  git ls-files --stage | awk -F '\t' '{ split($1, entry, " "); print entry[2] "\t" $2 }' >"$now"
  # Nothing is kept for a clone that somebody edited, nor where a file came or went that a macro may find by its folder
  # (migrations): such a file is in no list of dependencies. Rust files are named by another one, checked queries by the
  # query's own text, and the pages are compared as a folder.
  if [ -s "$list" ] && [ "$(cat "$place" 2>/dev/null)" = "$(pwd -P)" ] && git diff --quiet && git diff --cached --quiet && kept_times_same_files "$list" "$now"; then
    awk -F '\t' 'NR == FNR { time[$1 "\t" $3] = $2; next } ($1 "\t" $2) in time { print time[$1 "\t" $2] "\t" $2 }' \
      "$list" "$now" | while IFS=$'\t' read -r time path; do touch --no-create --date "@$time" -- "$path"; done
  fi
  pwd -P >"$place"
  while IFS=$'\t' read -r hash path; do
    printf '%s\t%s\t%s\n' "$hash" "$(stat -c %.9Y -- "$path")" "$path"
  done <"$now" >"$list.new" && mv "$list.new" "$list"
  rm -f "$now"
}

# Whether the same files are there, but for those that something else than their folder names.
kept_times_same_files() {
  diff -q <(cut -f 3 "$1" | kept_times_listed) <(cut -f 2 "$2" | kept_times_listed) >/dev/null
}
kept_times_listed() { grep -vE '^(\.sqlx|web|docs|examples)/|\.(rs|md)$' | sort; }
