/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-host.h"
#include "sinter-plan.h"

G_BEGIN_DECLS

/*
 * The libvirt operations that a job needs, behind a table of functions, so that tests can simulate
 * states that libvirt cannot produce on demand. Every call blocks and is for worker threads; any
 * thread may call. Domains are named by UUID, so that a renamed one is still found.
 *
 * A call that fails because the connection is lost sets SINTER_ERROR_DISCONNECTED.
 */

typedef struct {
    SinterBlockJobType type; /* NONE: the disk has no block job */
    guint64 done_bytes;
    guint64 total_bytes;
    guint64 bandwidth_bytes_per_sec;
} SinterBlockJobInfo;

typedef struct _SinterVirt SinterVirt;

typedef struct {
    /* Returns the state of the domain, read at @since_usec (monotonic) or later, and after every
     * change that this backend made; NOT_FOUND if it no longer exists. */
    SinterDomain *(*scan_domain)(SinterVirt *virt, const char *uuid, gint64 since_usec,
                                 GError **error);
    /* Returns the present state of the host. */
    SinterHost *(*scan_all)(SinterVirt *virt, GError **error);
    /* Starts the plan's block job on @domain, which was just scanned: layers are named by its
     * indexes. Returns when libvirt has accepted the job. */
    gboolean (*start)(SinterVirt *virt, const SinterDomain *domain, const SinterDiskPlan *plan,
                      guint64 bandwidth_bytes_per_sec, GError **error);
    /* Puts a new overlay at @path on @disk of @domain, which was just scanned, without metadata of
     * a snapshot; the definition for the next boot follows. Either the guest writes to the overlay
     * when this returns %TRUE, or nothing has changed; after a lost connection either is
     * possible. */
    gboolean (*seal)(SinterVirt *virt, const SinterDomain *domain, const char *disk,
                     const char *path, GError **error);
    /* Creates the snapshot of @plan, of all its disks or of none, with metadata; the definition for
     * the next boot follows. If @domain, which was just scanned, is shut off, the overlays exist.
     * As for seal, after a lost connection either is possible. */
    gboolean (*create_snapshot)(SinterVirt *virt, const SinterDomain *domain,
                                const SinterDiskPlan *plan, GError **error);
    /* Requests the end of the block job; with @pivot pivots to the mirror. Does not wait for the
     * end, which an event reports. */
    gboolean (*end)(SinterVirt *virt, const char *uuid, const char *disk, gboolean pivot,
                    GError **error);
    gboolean (*get_info)(SinterVirt *virt, const char *uuid, const char *disk,
                         SinterBlockJobInfo *ret_info, GError **error);
    gboolean (*set_bandwidth)(SinterVirt *virt, const char *uuid, const char *disk,
                              guint64 bytes_per_sec, GError **error);
    /* (transfer full): the guest's own limits on a disk, all of them (sinter-io-limits.h). */
    char **(*get_io_limits)(SinterVirt *virt, const char *uuid, const char *disk, GError **error);
    gboolean (*set_io_limits)(SinterVirt *virt, const char *uuid, const char *disk,
                              char *const *limits, GError **error);
    /* Suspends and resumes the guest. Suspending a domain that does not run is an error. Resume
     * does not change a domain that was not paused on request. */
    gboolean (*suspend)(SinterVirt *virt, const char *uuid, GError **error);
    gboolean (*resume)(SinterVirt *virt, const char *uuid, GError **error);
    /* Resumes a domain that is paused by an I/O error. BUSY if it is in another state: it was
     * resumed, or paused for another reason. */
    gboolean (*resume_failed)(SinterVirt *virt, const char *uuid, GError **error);
    /* Stops a domain that is paused by an I/O error, without asking the guest. BUSY if it is in
     * another state. */
    gboolean (*stop_failed)(SinterVirt *virt, const char *uuid, GError **error);
    /* Starts a domain that is shut off. BUSY if it is not, or has a managed save image. */
    gboolean (*start_domain)(SinterVirt *virt, const char *uuid, GError **error);
    /* Deletes metadata only, never a file; succeeds if the snapshot does not exist. */
    gboolean (*drop_snapshot)(SinterVirt *virt, const char *uuid, const char *snapshot,
                              GError **error);
    /* Likewise for a checkpoint. */
    gboolean (*drop_checkpoint)(SinterVirt *virt, const char *uuid, const char *checkpoint,
                                GError **error);
    /* Changes the snapshot's metadata so that @disk has @new_path as its frozen state; @new_format
     * (nullable): its format; %NULL: unknown, it is not changed. */
    gboolean (*redefine_snapshot)(SinterVirt *virt, const char *uuid, const char *snapshot,
                                  const char *disk, const char *new_path, const char *new_format,
                                  GError **error);
    /* Changes the definition for the next boot so that @disk uses @path with format @format, or
     * without @path keeps its image; removes the backing chain from the definition, so that libvirt
     * reads it from the image headers. */
    gboolean (*redefine_disk)(SinterVirt *virt, const char *uuid, const char *disk,
                              const char *path, const char *format, GError **error);
    /* Keeps the definition for the next boot from being started: adds a guard to @disk, which
     * libvirt removes when it changes the disk to another image. @reason becomes part of libvirt's
     * error. Does nothing for a transient domain, or for a disk that is encrypted or already has a
     * guard. */
    gboolean (*guard_disk)(SinterVirt *virt, const char *uuid, const char *disk, const char *reason,
                           GError **error);
    /* Removes the guard; does not change a disk without one. @path (nullable), @format: the image
     * that a disk which still has the guard names from now on. */
    gboolean (*unguard_disk)(SinterVirt *virt, const char *uuid, const char *disk, const char *path,
                             const char *format, GError **error);
    /* (transfer full): the identity of the QEMU process that runs the domain. Two processes never
     * have the same identity. NOT_FOUND if none runs or it is unknown. */
    char *(*identify)(SinterVirt *virt, const char *uuid, GError **error);
    /* (transfer full) (nullable): why the domain's QEMU process may not write to @image, with the
     * remedy; %NULL if nothing is known that denies it. @since_usec: when that was tried first. */
    char *(*explain_denial)(SinterVirt *virt, const char *uuid, const char *image,
                            gint64 since_usec);
    /* Makes the definition for the next boot durable. Succeeds if libvirt stores none. */
    gboolean (*sync_definition)(SinterVirt *virt, const char *name, GError **error);
    /* Makes changed and deleted metadata of the domain's snapshots and checkpoints durable.
     * Succeeds if libvirt stores none. */
    gboolean (*sync_snapshots)(SinterVirt *virt, const char *name, GError **error);
    /* Refreshes the active storage pool whose target is @folder, if there is one. */
    gboolean (*refresh_pool)(SinterVirt *virt, const char *folder, GError **error);
} SinterVirtClass;

/* The common part of every backend. */
struct _SinterVirt {
    const SinterVirtClass *klass;
};

G_END_DECLS
