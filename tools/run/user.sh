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

user_copy= # root's: where the test user has its copy of the sources, once that is made

# as_user FUNCTION [ARGUMENT…]: here, or as the test user in its copy of the sources
as_user() {
  if ((EUID != 0)); then "$@"; return; fi
  user_copy_make
  user_exec "$user_copy/run" --inside "$@"
}

# as_user_with_others FUNCTION [ARGUMENT…]: likewise, with the right to become other users, where
# that can be had without a question
# shellcheck disable=SC2154 # top: set by run
as_user_with_others() {
  local rights='+setuid,+setgid'
  if ((EUID == 0)); then
    user_copy_make
    user_rights=(--inh-caps="$rights" --ambient-caps="$rights")
    user_exec "$user_copy/run" --inside "$@"
    user_rights=()
  elif may_be_root; then
    as_root setpriv --reuid="$EUID" --regid="$(id -g)" --init-groups \
      --inh-caps="$rights" --ambient-caps="$rights" \
      env PATH="$PATH" HOME="$HOME" CI="${CI:-}" "$top/run" --inside "$@"
  else
    "$@"
  fi
}

# Whether as_root works without a question.
may_be_root() {
  ((EUID == 0)) || { command -v sudo >/dev/null && sudo -n true 2>/dev/null; }
}

# shellcheck disable=SC2154 # top: set by run
user_copy_make() {
  [[ -z $user_copy ]] || return 0
  user_create
  user_copy=$test_home/$(basename "$top")-$(printf %s "$top" | cksum | cut -d' ' -f1)
  exec {copy_lock}>"/run/lock/sinter-test-${user_copy##*-}"
  flock --nonblock "$copy_lock" || die "another run of $top/run is under way"
  copies_sweep
  copy_sources "$user_copy"
}

user_create() {
  getent passwd "$test_user" >/dev/null && return
  say "creating the user $test_user: the tests do not run as root"
  useradd --system --home-dir "$test_home" --create-home --shell /bin/bash "$test_user"
}

user_rights=() # setpriv's options for rights that user_exec gives

# user_exec COMMAND…: as the test user, with nothing of root's environment but what is named
user_exec() {
  local name keep=()
  for name in CI "${!SINTER_@}"; do
    [[ -z ${!name:-} ]] || keep+=("$name=${!name}")
  done
  (cd / && setpriv --reuid="$test_user" --regid="$test_user" --init-groups --reset-env \
    "${user_rights[@]}" env PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 "${keep[@]}" "$@" {copy_lock}>&-)
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
