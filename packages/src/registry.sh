#!/bin/sh
# Tells the MCP registry of the servers, once the release is public: the registry looks for its bundles.
# Without --upload it only says how. All are tried that it does not have yet, and those that it refuses are named.
# It needs mcp-publisher, curl and jq.
set -eu
cd "$(dirname "$0")"
upload=${1-}

run() {
  echo "$*"
  if [ "$upload" = --upload ]; then "$@"; fi
}

sha256sum --check --quiet SHA256SUMS
run mcp-publisher login github-oidc
refused=
for file in registry/*/server.json; do
  if [ "$upload" = --upload ]; then
    at=$(jq -er '"\(.name | @uri)/versions/\(.version)"' "$file")
    if curl --fail --silent --output /dev/null "https://registry.modelcontextprotocol.io/v0.1/servers/$at"; then continue; fi
  fi
  run mcp-publisher publish "$file" || refused="$refused $file"
done
if [ -n "$refused" ]; then
  echo "not published:$refused" >&2
  exit 1
fi
