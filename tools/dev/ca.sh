# shellcheck shell=bash
# Sourced by ./dev: the extra certificate authorities that builds need on this machine.

# Splits a PEM file into one certificate per line, without line breaks.
certificates_of() {
  awk '/-----BEGIN CERTIFICATE-----/ { inside = 1; text = ""; next }
       /-----END CERTIFICATE-----/ { if (inside) print text; inside = 0; next }
       inside { gsub(/[ \t\r]/, ""); text = text $0 }' "$@" 2>/dev/null
}

# Writes the authorities of the machine's bundle that the distribution does not ship, and prints
# the file's path. Prints nothing when there are none.
extra_ca() {
  local bundle=${SSL_CERT_FILE:-/etc/ssl/certs/ca-certificates.crt} out=$STATE/extra-ca.pem
  [ -r "$bundle" ] && [ -d /usr/share/ca-certificates ] || return 0
  local shipped
  shipped=$(mktemp)
  find /usr/share/ca-certificates -name '*.crt' -print0 |
    while IFS= read -r -d '' file; do certificates_of "$file"; done | sort -u >"$shipped"
  certificates_of "$bundle" | sort -u | comm -23 - "$shipped" |
    while read -r body; do
      printf -- '-----BEGIN CERTIFICATE-----\n%s\n-----END CERTIFICATE-----\n' "$(fold -w 64 <<<"$body")"
    done >"$out.new"
  rm -f "$shipped"
  if [ -s "$out.new" ]; then
    cmp -s "$out.new" "$out" || mv "$out.new" "$out"
    rm -f "$out.new"
    echo "$out"
  else
    rm -f "$out.new" "$out"
  fi
}
