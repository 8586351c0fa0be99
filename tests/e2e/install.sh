#!/bin/sh
# Installs what containers need, on a Debian, as root, and what Go builds; elsewhere the tests say what they lack and are skipped.
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
# A real API server and helm, from their Go modules; eight CPU minutes at first.
if command -v go >/dev/null; then
  cache=${XDG_CACHE_HOME:-$HOME/.cache}/secretfetch
  sh "$(dirname "$0")/../servers/kubeapi/build.sh" "$cache/kubeapi"
  [ -x "$cache/helm" ] || GOBIN=$cache CGO_ENABLED=0 go install helm.sh/helm/v3/cmd/helm@v3.22.0
fi
