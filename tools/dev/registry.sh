# shellcheck shell=bash
# Sourced by ./dev: an image registry with passwords, for the test that pulls a private image.

# Debian's registry, unpacked into the cache and not installed: its package would start one without a password on this
# machine's port 5000.
registry_up() {
  have docker-registry && return 0
  local folder
  step "unpacking docker-registry of the distribution (a registry for tests); once, into $TOOLS_BIN"
  folder=$(mktemp -d) || return 1
  (cd "$folder" && apt-get -q download docker-registry >>"$STATE/log/apt.log" 2>&1 && dpkg-deb -x ./*.deb out) || {
    tail -n 20 "$STATE/log/apt.log" >&2
    rm -rf --one-file-system "$folder"
    say "✗ docker-registry cannot be fetched: apt-get update, then ./dev test again"
    return 1
  }
  mkdir -p "$TOOLS_BIN/bin"
  install -m 755 "$folder/out/usr/bin/docker-registry" "$TOOLS_BIN/bin/docker-registry"
  rm -rf --one-file-system "$folder"
}
