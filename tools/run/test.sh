# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# What runs as the ordinary user: tests, figures, the demonstration.
#
# Suites are labels in meson: `unit` runs on both trees, everything else once;
# `quick` is the inner loop; `long` runs only when asked for; `two-users` runs
# apart, with the right to become other users. Figures are meson benchmarks:
# never two at a time.

# A time limit ends what hangs and judges nobody's speed: a busy machine gets this many times more.
time_limits=(--timeout-multiplier 5)
sanitized_time_limits=(--timeout-multiplier 20)

export ASAN_OPTIONS=halt_on_error=1:abort_on_error=1:detect_leaks=1:allocator_may_return_null=1
export UBSAN_OPTIONS=halt_on_error=1:abort_on_error=1:print_stacktrace=1

# test_run LABEL FOLDER [MESON TEST OPTION…]; failures are counted at the end, by summary_inside
test_run() {
  local label=$1 folder=$2; shift 2
  say "tests: $label"
  rm -f "$folder/meson-logs/$label.json"
  meson test -C "$folder" --no-rebuild --logbase "$label" "$@" || true
}

test_inside() {
  case $1 in
    quick)
      build_plain
      test_run quick build --suite quick "${time_limits[@]}"
      ;;
    all)
      # what lands is judged by the same random cases each time; the others look for new ones
      [[ ${CI:-} != true ]] || export SINTER_SEED=${SINTER_SEED:-20261126}
      build_plain
      build_sanitized
      test_run plain build --no-suite long --no-suite two-users "${time_limits[@]}"
      test_run sanitized build-asan --suite unit --no-suite long "${sanitized_time_limits[@]}"
      ;;
    long)
      export SINTER_TEST_LONG=1
      build_plain
      build_sanitized
      test_run plain build --no-suite two-users --timeout-multiplier 10
      test_run sanitized build-asan --suite unit --timeout-multiplier 40
      ;;
  esac
}

two_users_inside() { test_run two-users build --suite two-users "${time_limits[@]}"; }

# summary_inside EXTENT: what all of it came to; a run that left no log is an error
summary_inside() {
  local logs=(plain=build sanitized=build-asan two-users=build) log
  [[ $1 != quick ]] || logs=(quick=build)
  for log in "${logs[@]}"; do
    set -- "$@" "$log/meson-logs/${log%%=*}.json"
  done
  /usr/bin/python3 tests/lib/summary.py "${@:2}"
}

try_inside() {
  build_plain
  SINTER_BUILD_DIR=$PWD/build SINTER_IMG=$PWD/build/cli/sinter-img/sinter-img \
    /usr/bin/python3 tests/lib/taprunner.py --mounts "$@"
}

bench_inside() {
  build_plain
  test_run bench build --benchmark
  /usr/bin/python3 tests/lib/summary.py --figures bench=build/meson-logs/bench.json
}

demo_inside() {
  build_plain
  SINTER_BUILD_DIR=$PWD/build /usr/bin/python3 tests/demo/demo.py
}
