#!/bin/sh
# Publishes the packages of this folder, in the order in which one needs the other. Without --upload it only says how.
# What is published already is left alone: after a fault it is started again.
# It needs npm, uv, docker with buildx, cosign, jq and gh, each with the right to publish.
set -eu
cd "$(dirname "$0")"
version={version}
image={image}
upload=${1-}

run() {
  echo "$*"
  if [ "$upload" = --upload ]; then "$@"; fi
}

# Whether a look at what is published finds something.
there() {
  [ "$upload" = --upload ] && found=$("$@" 2>/dev/null) && [ -n "$found" ]
}

sha256sum --check --quiet SHA256SUMS

# The programs of systems, the package that starts them, the servers' own.
for file in {npm}; do
  case $file in
    openai-mcp) name=$file ;;
    *) name=@openai-mcp/$file ;;
  esac
  there npm view "$name@$version" version || run npm publish "./npm/$file.tgz" --access public
done

run uv publish --trusted-publishing always --check-url https://pypi.org/simple/ pypi/*

run docker buildx build --platform linux/amd64,linux/arm64 --provenance true --metadata-file image.json \
  --tag "$image:$version" --tag "$image:latest" --push image
# A tag may be another's image by the time it is signed.
digest=sha256:…
if [ "$upload" = --upload ]; then digest=$(jq -er '."containerimage.digest"' image.json); fi
run cosign sign --yes "$image@$digest"

# A draft, which a person makes public. Until then its files are put there each time: an upload may have broken off.
there gh release view "v$version" ||
  run gh release create "v$version" --draft --verify-tag --title "v$version" --notes-file NOTES.md
draft=true
if [ "$upload" = --upload ]; then draft=$(gh release view "v$version" --json isDraft --jq .isDraft); fi
[ "$draft" != true ] ||
  run gh release upload "v$version" --clobber archives/* mcpb/* openai-mcp.cdx.json release/SHA256SUMS

# The servers that have a new version.
for tag in {tags}; do
  there gh api "repos/{owner}/{repo}/git/ref/tags/$tag" ||
    run gh api "repos/{owner}/{repo}/git/refs" -f "ref=refs/tags/$tag" -f "sha={commit}"
done
