#!/bin/sh
# Starts the program for this processor: hosts choose by system alone, and drop the right to execute.
set -eu
here=$(dirname -- "$0")
case $(uname -m) in
  x86_64 | amd64) processor=x64 ;;
  aarch64 | arm64) processor=arm64 ;;
  *) echo "openai-mcp: there is no program for $(uname -m)" >&2; exit 1 ;;
esac
program="$here/$processor/openai-mcp"
[ -x "$program" ] || chmod +x "$program"
exec "$program" "$@"
