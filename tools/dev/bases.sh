# shellcheck shell=bash
# Sourced by ./dev: the base images of builds, made here so that no container registry is needed.
#
# segue/debian is made by debootstrap, kept as an archive under its package list's hash, and
# imported into the engine that is asked for; the others are built on it from tools/bases and kept
# in the same way. Names are our own: nothing made here pretends to be an official image.

BASE_SUITE=bookworm
BASE_PACKAGES=ca-certificates
# image | Dockerfile in tools/bases. The first are made everywhere, the others where somebody asks for them by name:
# each takes minutes and disk.
BASES='segue/python:3.11-bookworm|python
segue/node:22-bookworm|node
segue/static:bookworm|static'
MORE_BASES='segue/node:18-bookworm|node18
segue/go:1.23-bookworm|go
segue/rust:1.96-bookworm|rust
segue/ruby:3.1-bookworm|ruby
segue/php:8.2-bookworm|php
segue/java:17-bookworm|java
segue/deno:2-bookworm|deno
segue/bun:1-bookworm|bun'

# Mirrors of this machine's own package sources: mirror_of SUITE. Empty when it has none for
# that suite; debootstrap then uses its own default.
mirror_of() {
  {
    cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list 2>/dev/null |
      sed -n 's/^deb  *\(\[[^]]*\]  *\)\{0,1\}\([^ ]*\)  *\([^ ]*\) .*/\3 \2/p'
    awk '/^URIs:/ { uri = $2 } /^Suites:/ { for (i = 2; i <= NF; i++) print $i, uri }' \
      /etc/apt/sources.list.d/*.sources 2>/dev/null
  } | awk -v suite="$1" '$1 == suite { print $2; exit }'
}

sha() { sha256sum | cut -c1-16; }

base_key() { printf '%s\n' 1 "$BASE_SUITE" "$BASE_PACKAGES" | sha; }

# The archive of the root file system, made if it is not in the cache. Prints its path.
base_archive() {
  local key archive tree mirror
  key=$(base_key)
  archive=$SEGUE_CACHE/bases/$BASE_SUITE-$key.tar
  if ! [ -s "$archive" ]; then
    mirror=$(mirror_of "$BASE_SUITE")
    step "making a Debian $BASE_SUITE base by debootstrap (once; cached as $archive)"
    mkdir -p "$SEGUE_CACHE/bases"
    tree=$(mktemp -d "$SEGUE_CACHE/bases/tree.XXXXXX")
    # shellcheck disable=SC2086 # an empty mirror is no argument
    as_root debootstrap --variant=minbase --include="$BASE_PACKAGES" \
      --keyring=/usr/share/keyrings/debian-archive-keyring.gpg \
      "$BASE_SUITE" "$tree" $mirror >"$SEGUE_CACHE/bases/debootstrap.log" 2>&1 || {
      tail -n 5 "$SEGUE_CACHE/bases/debootstrap.log" >&2
      as_root rm -rf --one-file-system "$tree"
      say "✗ debootstrap failed; all it said is in $SEGUE_CACHE/bases/debootstrap.log"
      return 1
    }
    base_sources | as_root tee -a "$tree/etc/apt/sources.list" >/dev/null
    as_root rm -rf "$tree/var/cache/apt/archives" "$tree/var/lib/apt/lists" "$tree/var/log/bootstrap.log"
    as_root mkdir -p "$tree/var/cache/apt/archives/partial" "$tree/var/lib/apt/lists/partial"
    as_root tar -C "$tree" --numeric-owner --one-file-system -cf - . >"$archive.new" &&
      mv "$archive.new" "$archive"
    as_root rm -rf --one-file-system "$tree"
  fi
  [ -s "$archive" ] && echo "$archive"
}

# Security and point updates, where this machine knows a mirror of them.
base_sources() {
  local suite mirror
  for suite in "$BASE_SUITE-updates" "$BASE_SUITE-security"; do
    mirror=$(mirror_of "$suite")
    [ -n "$mirror" ] && echo "deb $mirror $suite main"
  done
  true
}

# The key that an image of that engine was made under; empty when there is no such image.
key_of_image() {
  docker_at "$1" image inspect -f '{{ index .Config.Labels "segue.base" }}' "$2" 2>/dev/null
}

# Makes base images in one engine that lacks them: bases_up SOCKET [NAME...], those of every installation if none is named.
bases_up() {
  local socket=$1 list image name made=0
  shift
  list=$BASES
  if [ $# -ne 0 ]; then
    list=$(printf '%s\n' "$BASES" "$MORE_BASES" | bases_named "$@")
    [ "$(wc -l <<<"$list")" -eq $# ] || {
      say "✗ base images are: $(printf '%s\n' "$BASES" "$MORE_BASES" | cut -d'|' -f2 | xargs)"
      return 1
    }
  fi
  debian_up "$socket" || return 1
  while IFS='|' read -r image name; do
    base_up "$socket" "$image" "$name" || return 1
  done <<<"$list"
  [ "$made" -eq 0 ] || done_ "base images ready"
}

# Lines of the list that are for these names.
bases_named() {
  local names=" $* " image name
  while IFS='|' read -r image name; do
    [[ $names == *" $name "* ]] && printf '%s|%s\n' "$image" "$name"
  done
  true
}

# The root of all others, by debootstrap.
debian_up() {
  local socket=$1 archive root_key
  root_key=$(base_key)
  [ "$(key_of_image "$socket" "segue/debian:$BASE_SUITE")" = "$root_key" ] && return 0
  say "Base images are made here, under names of their own (segue/…), because no container registry is asked."
  archive=$(base_archive) || return 1
  step "importing segue/debian:$BASE_SUITE"
  docker_at "$socket" import -c "LABEL segue.base=$root_key" -c 'CMD ["/bin/sh"]' \
    -c 'ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8' \
    "$archive" "segue/debian:$BASE_SUITE" >/dev/null || return 1
  made=1
}

# One of the others: base_up SOCKET IMAGE NAME
base_up() {
  local socket=$1 image=$2 name=$3 key context result=0
  key=$({ base_key; base_files "$name" | xargs cat; } | sha)
  [ "$(key_of_image "$socket" "$image")" = "$key" ] && return 0
  step "building $image ($(base_packages_of "$name"))"
  context=$(mktemp -d "$STATE/base.XXXXXX")
  cp "tools/bases/$name.Dockerfile" "$context/Dockerfile"
  # The engine's own builder: it needs no plug-in of the client and fetches nothing.
  npm_archives "$name" "$context" &&
    DOCKER_BUILDKIT=0 docker_at "$socket" build -q --label "segue.base=$key" -t "$image" "$context" \
      >"$STATE/log/base-$name.log" 2>&1 || result=1
  rm -r "$context"
  if [ "$result" -ne 0 ]; then
    tail -n 15 "$STATE/log/base-$name.log" >&2
    say "✗ $image cannot be built"
    return 1
  fi
  made=1
}

# The files that an image is made from.
base_files() {
  echo "tools/bases/$1.Dockerfile"
  [ ! -e "tools/bases/$1.npm" ] || echo "tools/bases/$1.npm"
}

# Runtimes that Debian does not have come as packages of npm, by exact version and hash; they are unpacked and never
# installed. A line of NAME.npm: machine, folder in the context, package, hash.
npm_archives() {
  local machine folder package hash kept
  [ -e "tools/bases/$1.npm" ] || return 0
  mkdir -p "$SEGUE_CACHE/bases"
  while read -r machine folder package hash; do
    [ "$machine" = "$(uname -m)" ] || [ "$machine" = any ] || continue
    kept=$SEGUE_CACHE/bases/$(sha <<<"$package $hash").tgz
    if ! [ -s "$kept" ]; then
      (cd "$2" && npm pack --silent "$package" 2>/dev/null </dev/null >packed && mv "$(tail -n 1 packed)" "$kept.new" && rm packed) ||
        { say "✗ npm does not give $package"; return 1; }
      if [ "sha512-$(openssl dgst -sha512 -binary "$kept.new" | base64 -w 0)" != "$hash" ]; then
        rm "$kept.new"
        say "✗ $package is not what it was when its hash was noted"
        return 1
      fi
      mv "$kept.new" "$kept"
    fi
    mkdir "$2/$folder" && tar -C "$2/$folder" --strip-components 1 --no-same-owner -xzf "$kept" || return 1
  done <"tools/bases/$1.npm"
}

base_packages_of() {
  {
    sed -n 's/.*--no-install-recommends \(.*[^ \\]\) *\\*$/\1/p' "tools/bases/$1.Dockerfile"
    [ ! -e "tools/bases/$1.npm" ] || cut -d' ' -f3 "tools/bases/$1.npm"
  } | xargs
}

# Names everything that the base images of every installation are made from.
bases_key() {
  { base_key; cut -d'|' -f2 <<<"$BASES" | while read -r name; do base_files "$name"; done | xargs cat; } | sha
}

# Base images in the build engine of an installation: own_bases_up RUN_FOLDER. That engine runs only
# while somebody wants it, and who speaks to its socket directly must say so.
own_bases_up() {
  local socket=$1/build/docker.sock result=0 wanting
  want_build_engine "$1" >/dev/null 2>&1 &
  wanting=$!
  wait_for 60 "the build engine answers" docker_at "$socket" version && bases_up "$socket" || result=1
  kill "$wanting" 2>/dev/null
  return "$result"
}

# Wants the build engine until it is ended, or the script that began it is gone.
want_build_engine() {
  while kill -0 $$ 2>/dev/null; do
    as_root touch "$1/build.wanted"
    sleep 20
  done
}
