# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# Whose rights: root's for what needs them, an ordinary user's for all the rest.
#
# An ordinary user builds and runs in the clone. When root runs this script,
# qemu:///session would reach the places of the system's libvirtd and files
# would not be denied to anybody; so the sources are copied to the home of the
# user sinter-test, which builds and runs there with a clean environment. The
# copy stays from run to run: ninja then builds only what changed.

test_user=sinter-test
test_home=/var/lib/sinter-test

as_root() {
  if ((EUID == 0)); then "$@"
  elif command -v sudo >/dev/null; then sudo "$@"
  else die "root's rights are needed for: $* (and sudo is not installed)"; fi
}

# as_user FUNCTION [ARGUMENT…]: here, or as the test user in its copy of the sources
# shellcheck disable=SC2154 # top: set by run
as_user() {
  if ((EUID != 0)); then "$@"; return; fi
  local copy
  user_create
  copy=$test_home/$(basename "$top")-$(printf %s "$top" | cksum | cut -d' ' -f1)
  exec {copy_lock}>"/run/lock/sinter-test-${copy##*-}"
  flock --nonblock "$copy_lock" || die "another run of $top/run is under way"
  copies_sweep
  copy_sources "$copy"
  user_exec "$copy/run" --inside "$@"
}

user_create() {
  getent passwd "$test_user" >/dev/null && return
  say "creating the user $test_user: the tests do not run as root"
  useradd --system --home-dir "$test_home" --create-home --shell /bin/bash "$test_user"
}

# user_exec COMMAND…: as the test user, with nothing of root's environment but what is named
user_exec() {
  local name keep=()
  for name in CI "${!SINTER_@}"; do
    [[ -z ${!name:-} ]] || keep+=("$name=${!name}")
  done
  (cd / && setpriv --reuid="$test_user" --regid="$test_user" --init-groups --reset-env \
    env PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 "${keep[@]}" "$@" {copy_lock}>&-)
}

# Everything but build trees and history; times are kept, so ninja sees what changed.
copy_sources() {
  user_exec mkdir -p "$1"
  user_exec find "$1" -mindepth 1 -maxdepth 1 ! -name 'build*' -exec rm -rf {} +
  tar -C "$top" --exclude=./.git --exclude='./build*' --exclude=__pycache__ -cf - . |
    user_exec tar -C "$1" --no-same-owner -xf -
  printf '%s\n' "$top" | user_exec tee "$1/.copied-from" >/dev/null
}

# Copies of clones that are gone go too.
copies_sweep() {
  local mark
  for mark in "$test_home"/*/.copied-from; do
    [[ -f $mark && ! -d $(<"$mark") ]] || continue
    user_exec rm -rf "$(dirname "$mark")"
  done
}
