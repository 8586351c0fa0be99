#!/bin/sh
# Fetches the quickstart's secrets into a new directory and shows the files.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

echo "\$ secretfetch fetch -c deploy-examples/quickstart/config.yaml --out OUT"
secretfetch fetch -c "$here/config.yaml" --out "$out"
echo
for file in app.env tls/tls.crt tls/tls.key; do
  echo "--- $file ($(stat -L -c %A "$out/$file"))"
  cat "$out/$file"
done
echo
echo "\$ secretfetch fetch ... again"
secretfetch fetch -c "$here/config.yaml" --out "$out"
