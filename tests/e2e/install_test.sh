#!/usr/bin/env bash
# An installed nntune needs neither the source tree nor the build tree.
set -euo pipefail

: "${NNTUNE_SOURCE_DIR:?}" "${NNTUNE_BUILD_DIR:?}"
prefix=$(mktemp -d)
trap 'rm -rf "$prefix"' EXIT

cmake --install "$NNTUNE_BUILD_DIR" --strip --prefix "$prefix" >/dev/null
nntune=$prefix/bin/nntune

cd /
help=$(env -i HOME="$prefix" PATH=/usr/bin:/bin "$nntune" --help)
if [[ $help != *"usage: nntune"* ]]; then
  echo "FAILED: $nntune --help does not print its usage"
  exit 1
fi
if ldd "$nntune" | grep -e "not found" -e "$NNTUNE_BUILD_DIR" -e "$NNTUNE_SOURCE_DIR"; then
  echo "FAILED: it loads libraries that are missing or are of this source tree"
  exit 1
fi
# A path of the source tree inside the binary would be a file it may look for (or a debug message that tells where it was built).
if grep -qaF "$NNTUNE_SOURCE_DIR" "$nntune"; then
  echo "FAILED: the path $NNTUNE_SOURCE_DIR is in the binary"
  exit 1
fi
