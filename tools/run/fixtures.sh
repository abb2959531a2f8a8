# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# File systems that only root can mount: XFS and btrfs (both can share extents
# between files) and ext4 in image files below /var/tmp. Tests find them through
# SINTER_TEST_XFS, SINTER_TEST_BTRFS and SINTER_TEST_FULL_… and skip without. Loop
# devices, which belong to the tests' user meanwhile, are SINTER_TEST_LOOP_….
# SINTER_TEST_FUSE is the device for FUSE where only root may open /dev/fuse.

fixtures_folder=
fixture_loops=()

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
  fixture_add_loop SINTER_TEST_LOOP_1 12M
  fixture_add_loop SINTER_TEST_LOOP_2 12M
  fixture_add_fuse
}

# shellcheck disable=SC2154 # test_user: set by user.sh
fixture_owner() {
  if ((EUID == 0)); then echo "$test_user"; else echo "$EUID"; fi
}

# fixture_add VARIABLE TYPE SIZE MKFS…: sets VARIABLE to the mounted folder, or says why not
fixture_add() {
  local variable=$1 type=$2 size=$3 place=$fixtures_folder/${1,,}; shift 3
  [[ -n $fixtures_folder ]] || return 0
  if mkdir "$place" && truncate -s "$size" "$place.img" && "$@" "$place.img" >/dev/null 2>&1 &&
    as_root mount -o loop "$place.img" "$place" && as_root chown "$(fixture_owner)" "$place"; then
    export "$variable=$place"
  else
    say "no $type file system can be mounted here: its tests will be skipped"
  fi
}

# fixture_add_loop VARIABLE SIZE: sets VARIABLE to a loop device that the tests may write to
fixture_add_loop() {
  local variable=$1 size=$2 file=$fixtures_folder/${1,,}.img device
  [[ -n $fixtures_folder ]] || return 0
  if truncate -s "$size" "$file" && device=$(as_root losetup --find --show "$file"); then
    fixture_loops+=("$device")
    # udev has its own say about a device that is new
    ! command -v udevadm >/dev/null || as_root udevadm settle || true
    as_root chown "$(fixture_owner)" "$device"
    export "$variable=$device"
  else
    say 'no loop device can be had here: its tests will be skipped'
  fi
}

# Hosts with udev let everybody open /dev/fuse. Elsewhere the tests get a node of their own.
fixture_add_fuse() {
  local node=$fixtures_folder/fuse
  [[ -n $fixtures_folder && -c /dev/fuse && $(stat -c %a /dev/fuse) != 666 ]] || return 0
  if as_root mknod "$node" c "0x$(stat -c %t /dev/fuse)" "0x$(stat -c %T /dev/fuse)" &&
    as_root chown "$(fixture_owner)" "$node"; then
    export SINTER_TEST_FUSE=$node
  else
    say 'no device for FUSE can be made here: its tests may be skipped'
  fi
}

fixtures_unmount() {
  local place
  for place in ${fixture_loops[@]+"${fixture_loops[@]}"}; do
    as_root chown root "$place" && as_root losetup --detach "$place" || return
  done
  for place in "$fixtures_folder"/*/; do
    ! mountpoint -q "$place" || as_root umount "$place" || return
  done
  rm -rf --one-file-system "$fixtures_folder"
}
