/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

#include "sinter-event.h"
#include "sinter-model.h"

G_BEGIN_DECLS

/*
 * What is known about a failure, as plain values: what libvirt and QEMU reported, and what an
 * examination of the images found. Error numbers are 0 if the attempt succeeded or was not made;
 * sizes are bytes, and 0 if unknown.
 */

/**
 * SinterLayerSymptoms:
 * @path: (nullable): path of the file or device; %NULL for other sources
 * @description: name for display
 * @format: (nullable): its recorded format
 * @type: the type of its source
 * @active: whether the guest writes to it
 * @look_errno: error of looking up or opening it
 * @read_errno: error of reading its first and last megabyte
 * @read_offset_bytes: the place of @read_errno
 * @bytes: size of the file or device
 * @fs_type: (nullable): type of its file system ("ext4"); %NULL for devices
 * @fs_path: (nullable): the mount point
 * @fs_bytes: size of the file system
 * @fs_free_bytes: free space that any user can use
 * @fs_reserved_bytes: further free space that only root can use
 * @fs_inodes: number of inodes of the file system; 0 if it has no fixed number
 * @fs_free_inodes: of these, free
 * @fs_read_only: the file system is mounted read-only
 * @quota: (nullable): the exhausted quota ("the quota of user 64055")
 * @size_limit_bytes: the size of files that QEMU's process may write; 0 for none
 * @replaced: QEMU has another file open than the one that the path leads to
 * @deleted: the file that QEMU has open was removed
 * @denied: the mode and owner of the image deny writing to QEMU's user
 * @trouble: (nullable): why the image cannot be opened, from its header
 * @marked_corrupt: the header has the corrupt bit
 * @missing: the chain names the image, but it does not exist
 */
typedef struct {
    char *path;
    char *description;
    char *format;
    SinterSourceType type;
    gboolean active;
    int look_errno;
    int read_errno;
    guint64 read_offset_bytes;
    guint64 bytes;
    char *fs_type;
    char *fs_path;
    guint64 fs_bytes;
    guint64 fs_free_bytes;
    guint64 fs_reserved_bytes;
    guint64 fs_inodes;
    guint64 fs_free_inodes;
    gboolean fs_read_only;
    char *quota;
    guint64 size_limit_bytes;
    gboolean replaced;
    gboolean deleted;
    gboolean denied;
    char *trouble;
    gboolean marked_corrupt;
    gboolean missing;
} SinterLayerSymptoms;

/**
 * SinterSymptoms:
 * @kind: what was reported: IO_ERROR, QMP_CORRUPTED or LIFECYCLE (the domain failed, or was found
 *   paused by an I/O error)
 * @no_space: libvirt gave "enospc" as the reason
 * @text: (nullable): QEMU's message
 * @crashed: QEMU ended unexpectedly
 * @silent: the examination did not end in time
 * @layers: (element-type SinterLayerSymptoms): the layer that the report names first; then the
 *   others of the disk, the active one first
 */
typedef struct {
    SinterEventKind kind;
    gboolean no_space;
    char *text;
    gboolean crashed;
    gboolean silent;
    GPtrArray *layers;
} SinterSymptoms;

SinterLayerSymptoms *sinter_layer_symptoms_new(const SinterLayer *layer);
void sinter_layer_symptoms_free(SinterLayerSymptoms *layer);

SinterSymptoms *sinter_symptoms_new(void);
void sinter_symptoms_free(SinterSymptoms *symptoms);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SinterSymptoms, sinter_symptoms_free)

G_END_DECLS
