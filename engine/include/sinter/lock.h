/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * SECTION:lock
 *
 * Image locks. QEMU, its tools and this engine mark an open image with locks on single bytes: a
 * lock on byte 100 + N means "uses permission N", on byte 200 + N "does not share permission N".
 * The permissions are 0 consistent read, 1 write, 2 write unchanged, 3 resize.
 *
 * The locks are advisory and incomplete: a virtual machine that waits for an incoming migration
 * holds none, and some network file systems do not share them between hosts.
 *
 * Units: none; sets of permissions are bits. Errors: #GError of the domain %SINTER_ERROR. Threads:
 * any.
 */

#include <glib.h>
#include <sinter/io.h>

G_BEGIN_DECLS

/**
 * SinterLockHolder:
 * @pid: the process; 0 if no process visible to the caller holds the lock (it may belong to another
 *   user or another namespace)
 * @program: (nullable): the process's name
 * @domain: (nullable): the libvirt domain that the process runs, if known from its arguments or
 *   from libvirt's run files
 * @uses: bit N is set if permission N is used
 * @unshared: bit N is set if permission N is not shared
 */
typedef struct {
    gint pid;
    char *program;
    char *domain;
    guint uses;
    guint unshared;
} SinterLockHolder;

/**
 * sinter_lock_list:
 * @path: an image
 *
 * Lists the processes that hold locks on @path. Takes no lock. Only root sees all locks of other
 * users' processes.
 *
 * Returns: (transfer container) (element-type SinterLockHolder): the holders, possibly none; free
 * with g_ptr_array_unref().
 */
GPtrArray *sinter_lock_list(const char *path, GError **error);

/**
 * sinter_lock_for_reading:
 * @io: an open image
 *
 * Takes a reader's lock on @io, held until @io is closed: no other process can open it for writing
 * meanwhile. A chain locks its members automatically.
 *
 * Returns: %FALSE with LOCKED if a process has it open for writing.
 */
gboolean sinter_lock_for_reading(SinterIo *io, GError **error);

/**
 * sinter_lock_descriptor:
 * @fd: a descriptor of an image
 * @path: the image's name in errors
 * @alone: %TRUE excludes all other users, as for writing; %FALSE excludes writers
 *
 * Locks the image. The lock belongs to the open file description of @fd, which other processes may
 * share, and is held until the last descriptor of it is closed.
 *
 * Returns: %FALSE with LOCKED, and the holder in the message, if the image is in use.
 */
gboolean sinter_lock_descriptor(int fd, const char *path, gboolean alone, GError **error);

/**
 * sinter_lock_holder_describe:
 *
 * Returns: (transfer full): "process 4711 (qemu-system-x86), domain 'web1'".
 */
char *sinter_lock_holder_describe(const SinterLockHolder *holder);

G_END_DECLS
