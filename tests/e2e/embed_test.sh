#!/usr/bin/env bash
# A C program builds against an installed nntune, by CMake and by pkg-config, and gives the tokens that `nntune run` gives.
set -euo pipefail

: "${NNTUNE_SOURCE_DIR:?}" "${NNTUNE_BUILD_DIR:?}" "${NNTUNE_BINARY:?}" "${NNTUNE_SHARED_DIR:?}"

fail() {
  echo "FAILED: $*"
  exit 1
}

if grep -q '^NNTUNE_SANITIZE:BOOL=ON' "$NNTUNE_BUILD_DIR/CMakeCache.txt"; then
  echo "SKIPPED: a library with sanitizers does not load into a program without"
  exit 77
fi
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# Installed, moved, and found where it is now: nothing in it may name the place where it was.
cmake --install "$NNTUNE_BUILD_DIR" --strip --prefix "$scratch/first" >/dev/null
prefix=$scratch/moved
mv "$scratch/first" "$prefix"
header=$(find "$prefix" -name nntune.h)
library=$(find "$prefix" -name libnntune.so)
pc=$(find "$prefix" -name nntune.pc)
examples=$(find "$prefix" -path '*share/doc/nntune/examples')
[[ $header && $library && $pc && $examples ]] || fail "the header, the library, nntune.pc or the examples are not installed"
libdir=$(dirname "$library")

dependencies=$(ldd "$library")
if grep -i -e llvm -e sqlite -e tbb -e "not found" <<<"$dependencies"; then
  fail "libnntune.so loads what the runtime does not need"
fi
soname=$(objdump -p "$library" | awk '$1 == "SONAME" { print $2 }')
[[ $soname == libnntune.so.[0-9]* && -e $libdir/$soname ]] || fail "libnntune.so has no version in its name: '$soname'"
exported=$(nm -D --defined-only "$library" | awk '{ print $NF }')
declared=$(grep -o '\bnntune_[a-z_]*(' "$header" | tr -d '(' | sort -u)
[[ $(sort <<<"$exported") == "$declared" ]] || fail "exported is not what nntune.h declares: $exported"
if grep -rlaF -e "$NNTUNE_SOURCE_DIR" -e "$scratch/first" "$libdir" "$header" "$examples"; then
  fail "the files above name a folder of this build"
fi

# The strictest C compiler that a user may have, and a C++ one.
strict=(-Wall -Wextra -pedantic -Werror)
export PKG_CONFIG_PATH=$(dirname "$pc")
read -ra flags <<<"$(pkg-config --cflags --libs nntune)"
cc -std=c99 "${strict[@]}" "$examples/generate.c" "${flags[@]}" "-Wl,-rpath,$libdir" -o "$scratch/generate"
g++ -std=c++11 "${strict[@]}" -fsyntax-only -x c++ "$header"
version=$(pkg-config --modversion nntune)

CFLAGS="${strict[*]}" cmake -G Ninja -S "$examples" -B "$scratch/build" -DCMAKE_PREFIX_PATH="$prefix" >"$scratch/log" 2>&1 ||
  { cat "$scratch/log"; fail "find_package(nntune) does not configure the example"; }
cmake --build "$scratch/build" >"$scratch/log" 2>&1 || { cat "$scratch/log"; fail "the example does not build by CMake"; }

cat >"$scratch/version.cmake" <<CMAKE
cmake_minimum_required(VERSION 3.16)
project(version NONE)
find_package(nntune \${WANTED} CONFIG)
if(nntune_FOUND)
  message("found \${nntune_VERSION}")
endif()
CMAKE
mkdir "$scratch/version" && mv "$scratch/version.cmake" "$scratch/version/CMakeLists.txt"
found() { cmake -G Ninja -S "$scratch/version" -B "$scratch/version/$1" -DWANTED="$1" -DCMAKE_PREFIX_PATH="$prefix" 2>&1; }
[[ $(found "$version") == *"found $version"* ]] || fail "find_package(nntune $version) does not find it"
[[ $(found 99.0) != *"found $version"* ]] || fail "find_package(nntune 99.0) finds version $version"

# Errors need no model: one line, what happened and what to do.
for program in "$scratch/generate" "$scratch/build/generate"; do
  status=0
  "$program" "$scratch/missing.nnm" 1 1 >"$scratch/out" 2>"$scratch/err" || status=$?
  [[ $status == 1 && ! -s $scratch/out && $(wc -l <"$scratch/err") == 1 ]] || fail "a missing module is no clear error"
  grep -qF "$scratch/missing.nnm" "$scratch/err" || fail "the message does not name the missing module"
done

model=$NNTUNE_SHARED_DIR/models/tiny-qwen3-dense
if [[ ! -d $model ]]; then
  [[ ${CI-} == true ]] && fail "$model is missing"
  echo "SKIPPED: $model is missing, so that nothing could be run"
  exit 77
fi
: >"$scratch/empty.db"
"$NNTUNE_BINARY" compile "$model" --db "$scratch/empty.db" -o "$scratch/tiny.nnm" >/dev/null 2>"$scratch/log" ||
  { cat "$scratch/log"; fail "the model does not compile"; }
n=24
prompts=(1,2,3 40,7,1500,12,99,3,8 2071)
expected=$(for prompt in "${prompts[@]}"; do
  "$NNTUNE_BINARY" run "$scratch/tiny.nnm" --tokens "$prompt" --ids -n $n 2>/dev/null
done)
[[ $(tr ',' '\n' <<<"$expected" | wc -l) == $((n * ${#prompts[@]})) ]] || fail "nntune run gives: $expected"
for program in "$scratch/generate" "$scratch/build/generate"; do
  all=$("$program" "$scratch/tiny.nnm" $n "${prompts[@]}")
  [[ $all == "$expected" ]] || fail "$program gives other tokens than nntune run: $all instead of $expected"
  one=$("$program" "$scratch/tiny.nnm" $n "${prompts[0]}")
  [[ $one == "$(head -n 1 <<<"$expected")" ]] || fail "$program gives other tokens for one prompt: $one"
done
echo "libnntune $version ($soname): $(wc -l <<<"$declared") functions, ${#prompts[@]} prompts at once as nntune run gives them"
