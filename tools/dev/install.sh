# shellcheck shell=bash
# Sourced by ./dev: installs Segue on this machine as a service that survives a reboot.

install_service() {
  [ -d /run/systemd/system ] || [ "${1:-}" = --no-start ] ||
    die "no systemd runs here. './dev install --no-start' puts the files in place all the same."
  ! pid_alive "$STATE/serve.pid" >/dev/null ||
    die "the server of ./dev up runs and has the ports. ./dev down first."
  place_state
  mkdir -p "$STATE/log"
  install_missing
  need_rust
  local profile=${SEGUE_PROFILE:-dist} folder
  folder=$profile
  [ "$profile" != dev ] || folder=debug
  web_dist_up || die "the dashboard cannot be built"
  step "building segue (cargo, profile $profile$([ "$profile" != dist ] || echo ': every optimisation, takes some minutes'))"
  cargo build --locked --quiet --profile "$profile" -p segue-app --bin segue || die "the build failed"
  local built=${CARGO_TARGET_DIR:-$ROOT/target}/$folder/segue
  local root=${SEGUE_INSTALL_ROOT:-} document
  as_root install -D -m 0755 "$built" "$root/usr/local/bin/segue"
  as_root install -D -m 0644 tools/systemd/segue.service "$root/etc/systemd/system/segue.service"
  for document in OPERATIONS MANIFEST ARCHITECTURE; do
    as_root install -D -m 0644 "docs/$document.md" "$root/usr/local/share/doc/segue/$document.md"
  done
  local settings=$root/etc/segue/server.toml ca
  [ -e "$settings" ] || as_root install -D -m 0640 tools/systemd/server.toml "$settings"
  ca=$(extra_ca)
  if [ -n "$ca" ]; then
    # Authorities that this machine trusts and the distribution does not ship: builds need them too.
    as_root install -D -m 0644 "$ca" "$root/etc/segue/extra-ca.pem"
    if ! as_root grep -q '^extra_ca' "$settings"; then
      step "builds trust the authorities that were added to this machine: build.extra_ca in $settings"
      if as_root grep -q '^\[build\]' "$settings"; then
        as_root sed -i '/^\[build\]/a extra_ca = "/etc/segue/extra-ca.pem"' "$settings"
      else
        printf '\n[build]\nextra_ca = "/etc/segue/extra-ca.pem"\n' | as_root tee -a "$settings" >/dev/null
      fi
    fi
  fi
  if [ "${1:-}" = --no-start ]; then
    done_ "files are in place under ${root:-/}; nothing was started"
    return 0
  fi
  as_root systemctl daemon-reload
  as_root systemctl enable --quiet docker.service segue.service
  # A program of before is replaced by restarting; the edge drains, and applications run on.
  as_root systemctl start docker.service || die "docker.service does not start: journalctl -u docker"
  engine_live_restore
  as_root systemctl restart segue.service ||
    die "segue.service does not start: journalctl -u segue"
  done_ "segue.service is enabled and started; settings in /etc/segue/server.toml, log: journalctl -u segue"
  own_bases_up /run/segue || die "base images are missing, so nothing can be built from source"
  local link
  if link=$(as_root cat /run/segue/setup-link 2>/dev/null); then
    say "Open this once (valid 30 min) to create the owner account:"
    printf '%s\n' "$link"
  fi
}

# With live-restore a Docker daemon that is killed or upgraded leaves applications running. It is
# the engine's own setting, so it is said, and everything else in its file stays.
engine_live_restore() {
  local file=/etc/docker/daemon.json have='{}' want
  case $(docker_at "$ENGINE_SOCKET" info --format '{{.LiveRestoreEnabled}} {{.Swarm.LocalNodeState}}' 2>/dev/null) in
    true*) return 0 ;;
    "false active")
      say "- the Docker engine is in swarm mode, which refuses live-restore: applications stop when dockerd is restarted"
      return 0
      ;;
  esac
  if [ -s "$file" ]; then have=$(as_root cat "$file"); fi
  want=$(jq '. + { "live-restore": true }' <<<"$have") || die "$file is not JSON"
  step "switching on live-restore in $file, so that applications run on when dockerd is restarted"
  as_root mkdir -p /etc/docker
  as_root tee "$file" >/dev/null <<<"$want"
  as_root systemctl reload docker.service
}
