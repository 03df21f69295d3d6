# shellcheck shell=bash
# Sourced by ./dev: Python and Node, which the clients, the dashboard and some tests need. Python's packages lie in the
# cache, Node's beside their lock files, where Node looks for them.

# Debian 13's; older ones lack what the generator and the dashboard's tools are written for.
NODE_AT_LEAST=20.19

python_key() { { cat tools/dev/python.txt; python3 -VV; } | sha; }

# The environment of tests, made when its list has changed. Prints nothing.
python_up() {
  local key folder
  key=$(python_key)
  folder=$SEGUE_CACHE/python-$key
  export SEGUE_PYTHON_ENV=$folder
  [ -e "$folder/complete" ] && return 0
  python3 -c 'import sys, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null ||
    { say "✗ python3 is older than 3.11 or has no venv: apt-get install python3 python3-venv"; return 1; }
  step "making a Python environment in $folder (pip; once, until tools/dev/python.txt changes)"
  rm -rf --one-file-system "$folder"
  mkdir -p "$SEGUE_CACHE"
  python3 -m venv "$folder" &&
    "$folder/bin/pip" install --quiet --disable-pip-version-check --no-deps -r tools/dev/python.txt &&
    "$folder/bin/pip" download --quiet --disable-pip-version-check --only-binary :all: -d "$folder/wheels" \
      -c tools/dev/python.txt httpx attrs || return 1
  touch "$folder/complete"
  ln -sfn "$folder" "$SEGUE_CACHE/python"
}

# Whether a Node that is new enough is here.
node_here() {
  have node && have npm || return 1
  [ "$(printf '%s\n' "$NODE_AT_LEAST" "$(node -p process.versions.node)" | sort -V | head -n 1)" = "$NODE_AT_LEAST" ]
}

need_node() {
  node_here && return 0
  say "✗ Node $NODE_AT_LEAST or newer is needed ($(node --version 2>/dev/null || echo none) is here): Debian 13 has one; on Debian 12 install it from its makers"
  return 1
}

# Packages of a folder with a lock file, when the lock has changed: node_modules_up FOLDER
node_modules_up() {
  local key
  key=$({ cat "$1/package-lock.json" "$1/package.json"; node --version; } | sha)
  [ "$(cat "$1/node_modules/.segue-key" 2>/dev/null)" = "$key" ] && return 0
  step "installing what $1 needs (npm ci)"
  (cd "$1" && npm ci --ignore-scripts --no-audit --no-fund --silent) || return 1
  echo "$key" >"$1/node_modules/.segue-key"
}

# What the dashboard is made from.
web_key() {
  {
    find web openapi/clients/typescript openapi/reference -type f \
      -not -path '*/node_modules/*' -not -path '*/dist/*' -not -path '*/e2e/*' -print0 | sort -z | xargs -0 sha256sum
    cat openapi/v1.json
    node --version
  } | sha
}

# The pages that another checkout made of the same sources, with their times: cargo need not put them into the program
# again. Fails when there are none.
web_dist_kept() {
  local key=$1 kept=$SEGUE_CACHE/web-dist
  [ -e "$kept/index.html" ] && [ "$(cat "$kept.key" 2>/dev/null)" = "$key" ] || return 1
  rm -rf --one-file-system web/dist && cp -a "$kept" web/dist && mkdir -p web/node_modules &&
    echo "$key" >web/node_modules/.segue-dist-key
}

# The dashboard's pages in web/dist, made when what they are made from has changed. Without Node the program is
# built without them and says so on its page.
web_dist_up() {
  local key kept=$SEGUE_CACHE/web-dist
  [ -e web/package.json ] || return 0
  if ! node_here; then
    say "- no Node $NODE_AT_LEAST here: the dashboard is not built (the program has a page that says so)"
    return 0
  fi
  key=$(web_key)
  [ -e web/dist/index.html ] && [ "$(cat web/node_modules/.segue-dist-key 2>/dev/null)" = "$key" ] && return 0
  web_dist_kept "$key" && return 0
  node_modules_up openapi/clients/typescript && node_modules_up web || return 1
  step "building the dashboard"
  (cd web && npm run --silent build) >"$STATE/log/web.log" 2>&1 || {
    tail -n 20 "$STATE/log/web.log" >&2
    say "✗ the dashboard cannot be built; all it said is in $STATE/log/web.log"
    return 1
  }
  echo "$key" >web/node_modules/.segue-dist-key
  rm -rf --one-file-system "$kept" "$kept.key" && mkdir -p "$SEGUE_CACHE" && cp -a web/dist "$kept" &&
    echo "$key" >"$kept.key"
}

# The clients of TypeScript and Python, from the document.
clients_up() {
  python_up && need_node && node_modules_up openapi/clients/typescript || return 1
  node openapi/clients/typescript/generate.mjs >&2 &&
    "$SEGUE_PYTHON_ENV/bin/python" openapi/clients/python/generate.py &&
    done_ "clients made from openapi/v1.json"
}

# The program where the Dockerfile's target `package` looks for it.
package() {
  local profile=${SEGUE_PROFILE:-dist} folder
  folder=$profile
  [ "$profile" != dev ] || folder=debug
  need_rust
  web_dist_up || return 1
  step "building segue (cargo, profile $profile)"
  cargo build --locked --quiet --profile "$profile" -p segue-app --bin segue || return 1
  mkdir -p build
  strip -o build/segue.new "${CARGO_TARGET_DIR:-$ROOT/target}/$folder/segue" && mv build/segue.new build/segue
  done_ "build/segue; now: SEGUE_TARGET=package docker-compose up -d --build"
}
