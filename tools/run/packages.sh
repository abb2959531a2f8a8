# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# Packages: what is needed for what, under each distribution's name.

# need     Debian                       Fedora ('-': nothing of its own there)
package_table() {
  cat <<'TABLE'
build      meson                        meson
build      ninja-build                  ninja-build
build      gcc                          gcc
build      libc6-dev                    glibc-devel
build      pkg-config                   pkgconf-pkg-config
build      python3                      python3
build      libglib2.0-dev               glib2-devel
build      libvirt-dev                  libvirt-devel
build      libvirt-glib-1.0-dev         libvirt-glib-devel
build      libxml2-dev                  libxml2-devel
build      libsystemd-dev               systemd-devel
build      libpolkit-gobject-1-dev      polkit-devel
build      libjson-glib-dev             json-glib-devel
build      libseccomp-dev               libseccomp-devel
build      zlib1g-dev                   zlib-devel
build      libzstd-dev                  libzstd-devel
build      libdeflate-dev               libdeflate-devel
build      python3-docutils             python3-docutils
service    libvirt-daemon               libvirt-daemon
service    dbus                         dbus-daemon
service    polkitd                      polkit
live       libvirt-daemon               libvirt-daemon
live       libvirt-daemon-driver-qemu   libvirt-daemon-driver-qemu
live       -                            libvirt-daemon-driver-storage-core
live       libvirt-clients              libvirt-client
live       qemu-system-x86              qemu-system-x86-core
live       qemu-utils                   qemu-img
live       python3-libvirt              python3-libvirt
live       dbus                         dbus-daemon
live       util-linux                   util-linux
test       -                            libasan
test       -                            libubsan
test       binutils                     binutils
test       python3-gi                   python3-gobject
test       python3-dbus                 python3-dbus
test       python3-dbusmock             python3-dbusmock
test       polkitd                      polkit
test       xfsprogs                     xfsprogs
test       btrfs-progs                  btrfs-progs
test       e2fsprogs                    e2fsprogs
test       dosfstools                   dosfstools
test       mtools                       mtools
test       fdisk                        util-linux
test       strace                       strace
test       fuse3                        fuse3
test       libfuse3-dev                 fuse3-devel
test       nbdkit                       nbdkit
test       acl                          acl
test       attr                         attr
TABLE
}

package_manager() {
  if command -v apt-get >/dev/null; then echo apt
  elif command -v dnf >/dev/null; then echo dnf
  else return 1; fi
}

# package_names MANAGER NEED…: the names of this distribution, one a line
package_names() {
  local manager=$1 need debian fedora; shift
  package_table | while read -r need debian fedora; do
    [[ " $* " == *" $need "* ]] || continue
    if [[ $manager == apt ]]; then echo "$debian"; else echo "$fedora"; fi
  done | grep -vx -- - | sort -u
}

package_is_installed() {
  case $1 in
    apt) [[ $(dpkg-query -W -f '${db:Status-Status}' "$2" 2>/dev/null) == installed ]] ;;
    dnf) rpm -q --whatprovides "$2" >/dev/null 2>&1 ;;
  esac
}

packages_missing() {
  local manager=$1 name; shift
  for name in $(package_names "$manager" "$@"); do
    package_is_installed "$manager" "$name" || echo "$name"
  done
}

# packages_install NEED…: installs what is missing; says so first
packages_install() {
  local manager missing
  manager=$(package_manager) || {
    say "neither apt nor dnf here: the packages are taken as given ($(package_names apt "$@" | xargs))"
    return
  }
  missing=$(packages_missing "$manager" "$@" | xargs)
  [[ -n $missing ]] || return 0
  say "to be installed with $manager: $missing"
  # shellcheck disable=SC2086 # a list of words
  "install_with_$manager" $missing
}

install_with_apt() {
  as_root apt-get -qq update
  as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0 --no-install-recommends -y install "$@"
}

install_with_dnf() { as_root dnf -y --setopt=install_weak_deps=False install "$@"; }
