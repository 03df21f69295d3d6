# shellcheck shell=bash
# Sourced by ./dev: installs Segue on this machine as a service that survives a reboot.

install_service() {
  [ -d /run/systemd/system ] || [ "${1:-}" = --no-start ] ||
    die "no systemd runs here. './dev install --no-start' puts the files in place all the same."
  install_missing
  need_rust
  step "building segue (cargo, profile dist: every optimisation, takes some minutes)"
  cargo build --locked --quiet --profile dist -p segue-app --bin segue || die "the build failed"
  local built=${CARGO_TARGET_DIR:-$ROOT/target}/dist/segue
  local root=${SEGUE_INSTALL_ROOT:-}
  as_root install -D -m 0755 "$built" "$root/usr/local/bin/segue"
  as_root install -D -m 0644 tools/systemd/segue.service "$root/etc/systemd/system/segue.service"
  if ! [ -e "$root/etc/segue/server.toml" ]; then
    as_root install -D -m 0640 tools/systemd/server.toml "$root/etc/segue/server.toml"
  fi
  if [ "${1:-}" = --no-start ]; then
    done_ "files are in place under ${root:-/}; nothing was started"
    return 0
  fi
  as_root systemctl daemon-reload
  as_root systemctl enable --now docker.service segue.service
  done_ "segue.service is enabled and started; settings in /etc/segue/server.toml, log: journalctl -u segue"
  as_root cat /run/segue/setup-link 2>/dev/null
}
