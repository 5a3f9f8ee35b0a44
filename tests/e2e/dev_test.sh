#!/usr/bin/env bash
# What ./dev promises, on a project of three files in a temporary folder, with a fake apt-get, dpkg-query and id.
set -u

source_dir=${NNTUNE_SOURCE_DIR:-$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
project=$scratch/project
dev=$project/dev
failures=0

# run COMMAND...: sets $status, and leaves stdout and stderr in the files out and err.
run() {
  status=0
  "$@" >"$scratch/out" 2>"$scratch/err" || status=$?
}

# expect CLAIM CONDITION...: the condition is a command that succeeds if the claim holds.
expect() {
  local claim=$1
  shift
  if "$@"; then
    printf 'ok      %s\n' "$claim"
  else
    printf 'FAILED  %s\n  exit status %s\n  stdout: %s\n  stderr: %s\n' "$claim" "$status" "$(cat "$scratch/out")" \
      "$(cat "$scratch/err")"
    failures=$((failures + 1))
  fi
}
status_is() { [[ $status == "$1" ]]; }
stdout_is() { [[ $(cat "$scratch/out") == "$1" ]]; }
stdout_has() { grep -qF -- "$1" "$scratch/out"; }
stderr_is() { [[ $(cat "$scratch/err") == "$1" ]]; }
stderr_has() { grep -qF -- "$1" "$scratch/err"; }

write_main() {
  cat >"$project/cli/main.cpp" <<'CPP'
#include <unistd.h>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <string>
// Prints its folder, its arguments in brackets and its stdin; the exit status is the first argument.
int main(int argc, char** argv) {
  std::cout << ::get_current_dir_name();
  for (int i = 1; i < argc; ++i) std::cout << " [" << argv[i] << "]";
  for (std::string line; std::getline(std::cin, line);) std::cout << " " << line;
  std::cout << std::endl;
  return argc > 1 ? std::atoi(argv[1]) : 0;
}
CPP
}

make_project() {
  mkdir -p "$project/cli" "$project/tests" "$scratch/bin" "$scratch/elsewhere"
  mkdir -p "$project/.ci"
  cp "$source_dir/dev" "$source_dir/CMakePresets.json" "$project/"
  cp "$source_dir/.ci/run" "$project/.ci/"
  printf '# [build] x\nfirst-package\nsecond-package\n# [style] y\nthird-package\n' >"$project/packages.txt"
  cat >"$project/CMakeLists.txt" <<'CMAKE'
cmake_minimum_required(VERSION 3.25)
project(toy LANGUAGES CXX)
enable_testing()
add_subdirectory(cli)
add_test(NAME passes COMMAND true)
add_test(NAME skips COMMAND sh -c "exit 77")
add_test(NAME fails COMMAND false)
set_tests_properties(skips PROPERTIES SKIP_RETURN_CODE 77)
add_custom_target(test_executables)
CMAKE
  echo 'add_executable(nntune main.cpp)' >"$project/cli/CMakeLists.txt"
  write_main

  # The packages named in $scratch/installed are there; apt-get adds to them, and reads stdin as a careless child would.
  printf 'first-package\nsecond-package\n' >"$scratch/installed"
  cat >"$scratch/bin/dpkg-query" <<SH
#!/bin/sh
while read -r package; do printf 'installed:%s ' "\$package"; done <"$scratch/installed"
SH
  cat >"$scratch/bin/apt-get" <<SH
#!/bin/sh
echo "\$@" >>"$scratch/apt"
cat >/dev/null
[ "\$1" = update ] || echo first-package >>"$scratch/installed"
echo 'chatter of apt-get'
SH
  printf '#!/bin/sh\ncat "%s/uid"\n' "$scratch" >"$scratch/bin/id"
  # Notes the file, which comes last, and finds fault with those that say BAD.
  cat >"$scratch/bin/clang-tidy" <<SH
#!/bin/sh
for file; do :; done
echo "\${file#$project/}" >>"$scratch/tidied"
! grep -q BAD "\$file"
SH
  printf '#!/bin/sh\nexit 0\n' >"$scratch/bin/clang-format"
  chmod +x "$scratch"/bin/*
  echo 0 >"$scratch/uid"
  export PATH=$scratch/bin:$PATH
}

make_project
cd "$scratch/elsewhere" || exit 1

run "$dev" frobnicate
expect "an unknown command exits with 2" status_is 2
expect "an unknown command prints the usage on stderr" stderr_has "usage: ./dev COMMAND"
expect "an unknown command prints nothing on stdout" stdout_is ""
run "$dev"
expect "no command exits with 2" status_is 2
run "$dev" build nosuch
expect "an unknown preset exits with 2" status_is 2
run "$dev" --help
expect "--help exits with 0" status_is 0
expect "--help prints the usage on stdout" stdout_has "usage: ./dev COMMAND"

run "$dev" run 0 </dev/null
expect "the first run builds and exits as nntune does" status_is 0
expect "the first run shows its progress on stderr" stderr_has "configuring build/release"
expect "the first run adds nothing to stdout" stdout_is "$scratch/elsewhere [0]"

run "$dev" run 42 "two words" "" '*' <<<"from stdin"
expect "the exit status of nntune passes through" status_is 42
expect "arguments, folder and stdin pass through" stdout_is "$scratch/elsewhere [42] [two words] [] [*] from stdin"
expect "nothing on stderr when all is up to date" stderr_is ""

echo 'int main( {' >"$project/cli/main.cpp"
run "$dev" run 0 </dev/null
expect "a broken source exits with 1" status_is 1
expect "a broken source is named" stderr_has "main.cpp:1"
expect "a broken source does not start the old nntune" stdout_is ""
write_main

rm "$scratch/installed" && echo second-package >"$scratch/installed"
echo 1000 >"$scratch/uid"
run "$dev" run 0 </dev/null
expect "a missing package without root exits with 1" status_is 1
expect "a missing package without root prints the command" \
  stderr_has "apt-get install -y --no-install-recommends first-package"
expect "a missing package without root installs nothing" test ! -e "$scratch/apt"

echo 0 >"$scratch/uid"
run "$dev" run 7 <<<"kept"
expect "as root the missing package is installed, and no other" \
  grep -q '^install -y --no-install-recommends first-package -o ' "$scratch/apt"
expect "apt-get does not eat the stdin of nntune" stdout_is "$scratch/elsewhere [7] kept"
expect "the exit status passes through after an installation" status_is 7
expect "an installation is named" stderr_has "installing 1 Debian packages: first-package"
expect "the chatter of apt-get is not shown" eval '! stderr_has chatter'

run "$dev" test </dev/null
expect "a failing test fails the command" test "$status" != 0
expect "the skipped tests are counted where ../shared is missing" stdout_has "../shared is missing; tests skipped: 1"
run "$dev" test -E fails </dev/null
expect "arguments of test go to ctest" status_is 0
expect "the summary of ctest comes after the count" \
  eval 'sed "1,/is missing/d" "$scratch/out" | grep -q "^100% tests passed, 0 tests failed out of 2"'
mkdir "$scratch/shared"
run "$dev" test -E fails </dev/null
expect "no such count where ../shared is there" eval '! stdout_has "is missing"'
run "$dev" bench </dev/null
expect "no benchmarks is said and is no failure" stderr_has "there are no benchmarks"

# What git is needed for; it may be missing where only the tests are run.
if command -v git >/dev/null; then
  # commit AGE: all of the project, as if AGE seconds ago.
  commit() {
    local -x GIT_COMMITTER_DATE="$(($(date +%s) - $1)) +0000"
    git -C "$project" add -A
    git -C "$project" -c user.name=x -c user.email=x@y commit -qm message
  }
  tidied() { sort "$scratch/tidied" 2>/dev/null | tr '\n' ' '; }
  # lints EXPECTED [ARGS...]: runs lint; EXPECTED are the files it should look at.
  lints() {
    local expected=$1
    shift
    rm -f "$scratch/tidied"
    run "$dev" lint "$@" </dev/null
    [[ $(tidied) == "$expected" ]]
  }
  echo third-package >>"$scratch/installed"
  git -C "$project" init -q
  echo '/build/' >"$project/.gitignore"
  for name in a b c; do echo "// $name" >"$project/cli/$name.cpp"; done
  echo '// of a' >"$project/cli/a.h"
  echo '// of nobody' >"$project/cli/alone.h"
  echo '#include "cli/alone.h"' >>"$project/cli/c.cpp"
  commit $((3 * 24 * 3600))
  expect "lint looks at all sources" lints "cli/a.cpp cli/b.cpp cli/c.cpp cli/main.cpp "
  expect "and is content" status_is 0
  expect "lint of named files looks at them" lints "cli/b.cpp " "$project/cli/b.cpp"
  expect "nothing differs from HEAD" lints "" --since HEAD
  expect "which is no failure" status_is 0
  echo '// changed' >>"$project/cli/a.h"
  expect "a changed header is looked at from its source" lints "cli/a.cpp " --since HEAD
  echo '// changed' >>"$project/cli/alone.h"
  echo '// BAD' >"$project/cli/d.cpp"
  expect "or from a source that includes it; new files count" lints "cli/a.cpp cli/c.cpp cli/d.cpp " --since HEAD
  expect "a finding fails" test "$status" != 0
  expect "no minute reaches nothing" lints "" --since HEAD --minutes 0
  expect "what was not reached is named" stderr_has "  cli/c.cpp"
  expect "and counted" stderr_has "not reached in 0 minutes: 3 of 3"
  expect "which is no failure" status_is 0
  run "$dev" lint --since nosuch </dev/null
  expect "an unknown commit exits with 2" status_is 2

  commit 0
  NNTUNE_CI_PARTS="test format lint asan tsan" run "$project/.ci/run" </dev/null
  expect "a part that fails fails all" test "$status" != 0
  expect "the others run nevertheless" eval 'grep -q "^format .* passed" "$scratch/out" && grep -q "^tsan .*" "$scratch/out"'
  expect "the part is named" eval 'grep -q "^test .* FAILED" "$scratch/out"'
  expect "lint is of what is newer than a day" eval '[[ $(tidied) == "cli/a.cpp cli/c.cpp cli/d.cpp " ]]'
  sed -i '/NAME fails/d' "$project/CMakeLists.txt"
  echo '// good' >"$project/cli/d.cpp"
  NNTUNE_CI_PARTS="test format lint asan tsan" run "$project/.ci/run" </dev/null
  expect "all parts pass" status_is 0
  expect "the result comes last" eval 'tail -n 6 "$scratch/out" | grep -q "^Total Test time"'
  expect "with the summary of all tests" eval 'sed "1,/^all tests/d" "$scratch/out" | grep -q "^100% tests passed"'
  rm -rf "$project/.git"
  git -C "$project" init -q
  commit 0
  rm -f "$scratch/tidied"
  NNTUNE_CI_PARTS="test format lint asan tsan" run "$project/.ci/run" </dev/null
  expect "without old history all is looked at" eval '[[ $(tidied) == "cli/a.cpp cli/b.cpp cli/c.cpp cli/d.cpp cli/main.cpp " ]]'
  expect "and that is said" stdout_has "git knows no commit that is over 24 hours old"
fi

if ((failures > 0)); then
  echo "$failures failed"
  exit 1
fi
