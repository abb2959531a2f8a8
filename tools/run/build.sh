# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# Building: one meson tree for each way to compile.

# build_tree FOLDER [MESON OPTION…]
build_tree() {
  local folder=$1; shift
  local werror=()
  [[ ${CI:-} == true ]] && werror=(-Dwerror=true)
  say "building $folder"
  if [[ ! -f $folder/build.ninja ]]; then
    meson setup "$folder" "$@" "${werror[@]}" >/dev/null ||
      { cat "$folder/meson-logs/meson-log.txt" >&2; die "meson setup $folder failed"; }
  elif ((${#werror[@]})); then
    meson configure "$folder" "${werror[@]}"
  fi
  ninja -C "$folder" build.ninja >/dev/null || die "meson cannot configure $folder anew"
  ninja -C "$folder" --quiet
}

build_plain() { build_tree build; }

build_sanitized() { build_tree build-asan -Db_sanitize=address,undefined -Db_lundef=false; }

# Debian's libdir is told: meson finds it out by itself only where dpkg-dev is installed.
build_for_host() {
  local multiarch
  multiarch=$(gcc -print-multiarch)
  build_tree build-install --prefix=/usr --sysconfdir=/etc --localstatedir=/var \
    --buildtype=release ${multiarch:+"--libdir=lib/$multiarch"}
}

# Tells the running systemd about what was installed. Without systemd there is nobody to tell.
install_announce() {
  as_root ldconfig
  if [[ ! -d /run/systemd/system ]]; then
    say 'installed; systemd does not run here: start sinterd yourself'
    return
  fi
  [[ ! -f /usr/lib/sysusers.d/sinter.conf ]] || as_root systemd-sysusers sinter.conf
  [[ ! -f /usr/lib/tmpfiles.d/sinter.conf ]] || as_root systemd-tmpfiles --create sinter.conf
  as_root journalctl --update-catalog
  as_root systemctl daemon-reload
  as_root systemctl reload dbus.service
  say 'installed; start it with: systemctl enable --now sinterd'
}
