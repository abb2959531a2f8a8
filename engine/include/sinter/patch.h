/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * SECTION:patch
 *
 * Single changes of the bytes of an image, for experts: a damaged image can be mended by hand, and
 * an image can be damaged. Nothing is derived from the change: reference counts and other tables
 * stay as they are.
 *
 * Units: offsets are bytes. Errors: #GError of the domain %SINTER_ERROR. Threads: any; only one
 * thread may change a given image.
 */

#include <glib.h>
#include <sinter/finding.h>
#include <sinter/io.h>

G_BEGIN_DECLS

/**
 * SinterPatchKind:
 * @SINTER_PATCH_WRITE: write up to %SINTER_PATCH_MAX_BYTES bytes; any format
 * @SINTER_PATCH_SET_FLAG: set a feature flag in the header
 * @SINTER_PATCH_CLEAR_FLAG: clear a feature flag in the header
 * @SINTER_PATCH_COPY_CLUSTER: copy one cluster over another
 * @SINTER_PATCH_EMPTY_L1: clear the L1 entry that serves a guest offset
 * @SINTER_PATCH_EMPTY_L2: clear the L2 entry that serves a guest offset
 */
typedef enum {
    SINTER_PATCH_WRITE,
    SINTER_PATCH_SET_FLAG,
    SINTER_PATCH_CLEAR_FLAG,
    SINTER_PATCH_COPY_CLUSTER,
    SINTER_PATCH_EMPTY_L1,
    SINTER_PATCH_EMPTY_L2,
} SinterPatchKind;

#define SINTER_PATCH_MAX_BYTES 8

#define SINTER_PATCH_SHOWN_BYTES 16

/**
 * SinterPatchChange:
 * @offset: offset in the file of the bytes that change
 * @length: their number
 * @from: COPY_CLUSTER: offset of the bytes that are written there; otherwise %SINTER_OFFSET_NONE
 * @before: the first bytes that are there now, at most %SINTER_PATCH_SHOWN_BYTES
 * @after: the same of what will be there
 * @what: what they are ("incompatible features", "L2 entry of guest offset 65536")
 * @note: (nullable): a consequence that the user should know
 *
 * A driver sets offset, length, what and note, and from or after. It sets a place that is in the
 * file, and without from a length of at most %SINTER_PATCH_SHOWN_BYTES.
 */
typedef struct {
    guint64 offset;
    guint64 length;
    guint64 from;
    guint8 before[SINTER_PATCH_SHOWN_BYTES];
    guint8 after[SINTER_PATCH_SHOWN_BYTES];
    char *what;
    char *note;
} SinterPatchChange;

/* Frees the texts. */
void sinter_patch_change_clear(SinterPatchChange *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(SinterPatchChange, sinter_patch_change_clear)

/* Decides, before anything is written, whether the change is made. Called with the image locked. */
typedef gboolean (*SinterPatchConfirm)(const SinterPatchChange *change, gpointer user_data);

/**
 * SinterPatch:
 * @kind: what to change
 * @flag: SET_FLAG and CLEAR_FLAG: "dirty", "corrupt", "data-file", "compression-type",
 *   "extended-l2", "lazy-refcounts", "bitmaps", "data-file-raw", or "incompatible:N",
 *   "compatible:N", "autoclear:N" with a bit from 0 to 63
 * @offset: WRITE: in the file; COPY_CLUSTER: of the source in the file; EMPTY_L1 and EMPTY_L2: a
 *   guest offset
 * @target: COPY_CLUSTER: the cluster in the file that is replaced
 * @bytes: WRITE: what to write
 * @n_bytes: WRITE: 1 to %SINTER_PATCH_MAX_BYTES
 * @confirm: is told about the change; %FALSE: nothing is written
 * @user_data: for @confirm
 */
typedef struct {
    SinterPatchKind kind;
    const char *flag;
    guint64 offset;
    guint64 target;
    guint8 bytes[SINTER_PATCH_MAX_BYTES];
    gsize n_bytes;
    SinterPatchConfirm confirm;
    gpointer user_data;
} SinterPatch;

/**
 * sinter_image_patch:
 * @fs: (nullable): the set of files that the image is in; %NULL for the host's files. With
 *   sinter_undo_record_new() the change can be undone
 * @path: the image
 * @format: (nullable): its format; %NULL probes the content
 * @ret_changed: (out): whether the image was changed; %FALSE also if the bytes are there already
 *
 * Changes an image, which is locked against all other users. The image may be damaged; only what is
 * needed to find the place must be valid. When it returns %TRUE the change is durable.
 *
 * Returns: %FALSE with INVALID_ARGUMENT for a place that does not exist, UNSUPPORTED if the format
 * has no such thing, CORRUPT if damage prevents finding the place
 */
gboolean sinter_image_patch(SinterFs *fs, const char *path, const char *format,
                            const SinterPatch *patch, gboolean *ret_changed, GError **error);

G_END_DECLS
