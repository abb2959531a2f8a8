# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# File systems that only root can mount: XFS and btrfs (both can share extents
# between files) and ext4 in image files below /var/tmp. Tests find them through
# SINTER_TEST_XFS, SINTER_TEST_BTRFS and SINTER_TEST_FULL_… and skip without.

fixtures_folder=

fixtures_mount() {
  if ! may_be_root; then
    say 'no right to mount: tests that need XFS or btrfs will be skipped'
    return
  fi
  fixtures_folder=$(mktemp -d /var/tmp/sinter-fixtures.XXXXXX)
  chmod 711 "$fixtures_folder"
  trap fixtures_unmount EXIT
  trap 'exit 130' INT TERM
  # those that tests fill up to the last byte, and those that they share
  fixture_add SINTER_TEST_FULL_EXT4 ext4 64M mkfs.ext4 -q -m 0
  fixture_add SINTER_TEST_FULL_XFS xfs 320M mkfs.xfs -q
  fixture_add SINTER_TEST_FULL_BTRFS btrfs 256M mkfs.btrfs -q
  fixture_add SINTER_TEST_XFS xfs 512M mkfs.xfs -q
  fixture_add SINTER_TEST_BTRFS btrfs 512M mkfs.btrfs -q
}

# fixture_add VARIABLE TYPE SIZE MKFS…: sets VARIABLE to the mounted folder, or says why not
# shellcheck disable=SC2154 # test_user: set by user.sh
fixture_add() {
  local variable=$1 type=$2 size=$3 place=$fixtures_folder/${1,,}; shift 3
  local owner=$test_user
  ((EUID == 0)) || owner=$EUID
  [[ -n $fixtures_folder ]] || return 0
  if mkdir "$place" && truncate -s "$size" "$place.img" && "$@" "$place.img" >/dev/null 2>&1 &&
    as_root mount -o loop "$place.img" "$place" && as_root chown "$owner" "$place"; then
    export "$variable=$place"
  else
    say "no $type file system can be mounted here: its tests will be skipped"
  fi
}

fixtures_unmount() {
  local place
  for place in "$fixtures_folder"/*/; do
    ! mountpoint -q "$place" || as_root umount "$place" || return
  done
  rm -rf --one-file-system "$fixtures_folder"
}
