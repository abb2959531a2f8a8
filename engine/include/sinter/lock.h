/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * SECTION:lock
 *
 * Who holds an image. QEMU, its tools and this engine mark an open image with locks on single
 * bytes: byte 100 + N says "I use permission N", byte 200 + N "I do not share it", with the
 * permissions 0 consistent read, 1 write, 2 write unchanged, 3 resize.
 *
 * The locks are advisory and do not reach everywhere: a virtual machine that waits for a
 * migration holds none, and some network file systems keep them on one host.
 *
 * Units: none; sets of permissions are bits. Errors: #GError of the domain %SINTER_ERROR. Threads:
 * any.
 */

#include <glib.h>
#include <sinter/io.h>

G_BEGIN_DECLS

/**
 * SinterLockHolder:
 * @pid: of the process; 0 where no process that we may look at has it (another user's, another
 *   namespace's)
 * @program: (nullable): the process's name
 * @domain: (nullable): the libvirt domain that the process runs, where its arguments or libvirt's
 *   run files tell
 * @uses: bit N is set where permission N is used
 * @unshared: bit N is set where permission N is not shared
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
 * Looks who holds locks on @path. Takes no lock. What processes of other users hold is seen
 * whole only by root.
 *
 * Returns: (transfer container) (element-type SinterLockHolder): the holders, maybe none; free
 * with g_ptr_array_unref().
 */
GPtrArray *sinter_lock_list(const char *path, GError **error);

/**
 * sinter_lock_for_reading:
 * @io: an open image
 *
 * Claims @io as a reader does, until it is closed: nobody may write to it meanwhile. A chain does
 * that for its members by itself.
 *
 * Returns: %FALSE with LOCKED where somebody writes to it.
 */
gboolean sinter_lock_for_reading(SinterIo *io, GError **error);

/**
 * sinter_lock_descriptor:
 * @fd: of an image
 * @path: what errors call it
 * @alone: %TRUE keeps everybody else out, as for writing; %FALSE keeps writers out
 *
 * Claims the image for all that share the open file description of @fd, other processes too, until
 * the last of them has closed it.
 *
 * Returns: %FALSE with LOCKED, and who is in the way, where it is in use.
 */
gboolean sinter_lock_descriptor(int fd, const char *path, gboolean alone, GError **error);

/**
 * sinter_lock_holder_describe:
 *
 * Returns: (transfer full): "process 4711 (qemu-system-x86), domain 'web1'".
 */
char *sinter_lock_holder_describe(const SinterLockHolder *holder);

G_END_DECLS
