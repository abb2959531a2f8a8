# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# What runs as the ordinary user: tests, figures, the demonstration.
#
# Suites are labels in meson: `unit` runs on both trees, everything else once;
# `quick` is the inner loop; `long` runs only when asked for. Figures are
# meson benchmarks: never two at a time.

test_logs=()

export ASAN_OPTIONS=halt_on_error=1:abort_on_error=1:detect_leaks=1:allocator_may_return_null=1
export UBSAN_OPTIONS=halt_on_error=1:abort_on_error=1:print_stacktrace=1

# test_run LABEL FOLDER [MESON TEST OPTION…]; failures are counted at the end
test_run() {
  local label=$1 folder=$2; shift 2
  say "tests: $label"
  rm -f "$folder/meson-logs/$label.json"
  meson test -C "$folder" --no-rebuild --logbase "$label" "$@" || true
  test_logs+=("$label=$folder/meson-logs/$label.json")
}

test_inside() {
  case $1 in
    quick)
      build_plain
      test_run quick build --suite quick
      ;;
    all)
      build_plain
      build_sanitized
      test_run plain build --no-suite long
      test_run sanitized build-asan --suite unit --no-suite long --timeout-multiplier 4
      ;;
    long)
      export SINTER_TEST_LONG=1
      build_plain
      build_sanitized
      test_run plain build --timeout-multiplier 10
      test_run sanitized build-asan --suite unit --timeout-multiplier 40
      ;;
  esac
  /usr/bin/python3 tests/lib/summary.py "${test_logs[@]}"
}

try_inside() {
  build_plain
  SINTER_BUILD_DIR=$PWD/build /usr/bin/python3 tests/lib/taprunner.py --mounts "$@"
}

bench_inside() {
  build_plain
  test_run bench build --benchmark
  /usr/bin/python3 tests/lib/summary.py --figures "${test_logs[@]}"
}

demo_inside() {
  build_plain
  SINTER_BUILD_DIR=$PWD/build /usr/bin/python3 tests/demo/demo.py
}
