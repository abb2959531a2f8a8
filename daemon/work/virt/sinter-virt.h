/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-model.h"
#include "sinter-plan.h"

G_BEGIN_DECLS

/*
 * The live operations that a job needs, behind a small table, so that tests can play states that
 * libvirt cannot be made to show on demand. Every call blocks and is for worker threads; any
 * thread may call. Domains are named by UUID, so that a renamed one is still found.
 *
 * A call that fails because the connection is lost gives SINTER_ERROR_DISCONNECTED.
 */

typedef struct {
    SinterBlockJobType type; /* NONE: no block job is there */
    guint64 done_bytes;
    guint64 total_bytes;
    guint64 bandwidth_bytes_per_sec;
} SinterBlockJobInfo;

/* What a guest may read and write of a disk in a second, in bytes; 0 for no limit. libvirt does not
 * take a total beside one of the other two. */
typedef struct {
    guint64 total_bytes_per_sec;
    guint64 read_bytes_per_sec;
    guint64 write_bytes_per_sec;
} SinterIoLimits;

typedef struct _SinterVirt SinterVirt;

typedef struct {
    /* The domain as it is now; NOT_FOUND when it is gone. */
    SinterDomain *(*scan_domain)(SinterVirt *virt, const char *uuid, GError **error);
    /* Every domain as it is now. */
    GPtrArray *(*scan_all)(SinterVirt *virt, GError **error);
    /* Starts the plan's block job on @domain, which was just scanned: layers are named by its
     * indexes. Returns when libvirt has accepted it. */
    gboolean (*start)(SinterVirt *virt, const SinterDomain *domain, const SinterDiskPlan *plan,
                      guint64 bandwidth_bytes_per_sec, GError **error);
    /* Asks for the end: @pivot moves over to the mirror. Does not wait for it: an event tells. */
    gboolean (*end)(SinterVirt *virt, const char *uuid, const char *disk, gboolean pivot,
                    GError **error);
    gboolean (*get_info)(SinterVirt *virt, const char *uuid, const char *disk,
                         SinterBlockJobInfo *ret_info, GError **error);
    gboolean (*set_bandwidth)(SinterVirt *virt, const char *uuid, const char *disk,
                              guint64 bytes_per_sec, GError **error);
    /* The guest's own limits on a disk, all three at once. */
    gboolean (*get_io_limits)(SinterVirt *virt, const char *uuid, const char *disk,
                              SinterIoLimits *ret_limits, GError **error);
    gboolean (*set_io_limits)(SinterVirt *virt, const char *uuid, const char *disk,
                              const SinterIoLimits *limits, GError **error);
    /* Holds and releases the guest. A domain that does not run is not held: an error. Resume
     * leaves a domain alone that is not paused on request. */
    gboolean (*suspend)(SinterVirt *virt, const char *uuid, GError **error);
    gboolean (*resume)(SinterVirt *virt, const char *uuid, GError **error);
    /* Metadata only, never a file; a snapshot that is gone is a success. */
    gboolean (*drop_snapshot)(SinterVirt *virt, const char *uuid, const char *snapshot,
                              GError **error);
    /* Lets the snapshot's @disk name @new_path as its frozen state; @new_format (nullable): its
     * format, where it is another one. */
    gboolean (*redefine_snapshot)(SinterVirt *virt, const char *uuid, const char *snapshot,
                                  const char *disk, const char *new_path, const char *new_format,
                                  GError **error);
    /* Lets the definition for the next boot name @path for @disk, as @format, or without @path the
     * image that it names already; and leaves it to the headers what that stands on. */
    gboolean (*redefine_disk)(SinterVirt *virt, const char *uuid, const char *disk,
                              const char *path, const char *format, GError **error);
    /* The definition for the next boot is on disk, durably. Where it lies is libvirt's affair:
     * what cannot be synced is no error. */
    void (*sync_definition)(SinterVirt *virt, const char *name);
    /* Refreshes the active storage pool whose target is @folder, if there is one. */
    gboolean (*refresh_pool)(SinterVirt *virt, const char *folder, GError **error);
} SinterVirtClass;

/* The head of every backend. */
struct _SinterVirt {
    const SinterVirtClass *klass;
};

G_END_DECLS
