#!/bin/sh
# Shows to clients what is generated for them, and runs the image: `packages/try-clients.sh PACKAGES`, a folder that
# `cargo xtask dist pack` made. It needs npm, half a gigabyte, and as root buildah, umoci and skopeo; no login, no key.
set -eu
packages=$(realpath "${1:-target/dist/packages}")
project=$(realpath "$(dirname "$0")/..")
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
refused() { if "$@"; then echo "a broken file was taken: $*" >&2; exit 1; fi; }
export HOME="$scratch/home"
mkdir "$HOME"
cp -r "$project/.claude-plugin" "$project/.agents" "$project/plugins" "$project/gemini-extension.json" "$scratch"
cd "$scratch"

npm install --no-audit --no-fund --prefix clients \
  @anthropic-ai/claude-code@2.1.197 @openai/codex@0.171.0 @google/gemini-cli@0.61.0
PATH="$scratch/clients/node_modules/.bin:$PATH"
claude plugin validate .
claude plugin marketplace add "$scratch"
claude plugin install openai-files@openai-mcp
codex plugin marketplace add "$scratch"
codex plugin add openai-files@openai-mcp
codex mcp list | grep '^openai-files .*@openai-mcp/files'
gemini extensions validate .

# Each refuses a file that is broken.
sed -i 's/"name"/"nom"/' plugins/openai-files/.claude-plugin/plugin.json .agents/plugins/marketplace.json gemini-extension.json
refused claude plugin validate plugins/openai-files
refused codex plugin add openai-models@openai-mcp
refused gemini extensions validate .

export STORAGE_DRIVER=vfs BUILDAH_ISOLATION=chroot
buildah bud --quiet --root "$scratch/storage" --runroot "$scratch/run" --build-arg TARGETARCH=amd64 --tag try "$packages/image"
buildah --root "$scratch/storage" --runroot "$scratch/run" push try "oci:$scratch/image:try"
umoci unpack --image image:try unpacked
hello='{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{}}}'
echo "$hello" | chroot --userspec=65532:65532 unpacked/rootfs /openai-mcp stdio files --sandbox | grep openai-files-mcp
echo "all that was tried works"
