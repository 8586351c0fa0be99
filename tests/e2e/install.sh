#!/bin/sh
# Installs what containers need, on a Debian, as root; elsewhere the tests say what they lack and are skipped.
set -eu
missing=
for tool in podman runc catatonit iptables debootstrap; do
  PATH="$PATH:/usr/sbin:/sbin" command -v "$tool" >/dev/null || missing="$missing $tool"
done
[ -x /usr/lib/podman/netavark ] || missing="$missing netavark"
if [ -n "$missing" ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  apt-get update -qq || true
  # shellcheck disable=SC2086
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null || true
fi
