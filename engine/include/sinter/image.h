/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * SECTION:image
 *
 * One disk image by itself: what it says about itself, without opening anything else.
 *
 * Units: bytes, unless a name says otherwise. Errors: #GError of the domain %SINTER_ERROR.
 * Threads: the functions may be called from any thread; a #SinterImageInfo is a plain value that
 * belongs to its caller.
 */

#include <glib.h>
#include <sinter/io.h>

G_BEGIN_DECLS

/**
 * SinterImageInfo:
 * @path: the name it was opened by
 * @format: "qcow2", "raw", …
 * @virtual_size: of the disk that the guest sees
 * @file_size: of the file
 * @allocated_size: host space that the file takes
 * @backing_name: (nullable): the backing file's name as stored, %NULL for none
 * @backing_format: (nullable): its format as stored; %NULL where the image does not say, and then
 *   nobody may guess it for an image that is not trusted
 * @backing_path: (nullable): @backing_name resolved against the image's folder; %NULL where there
 *   is none or where the name is no plain path (`json:`, `nbd:` and the like)
 * @data_file_name: (nullable): the external data file's name as stored
 * @data_file_path: (nullable): resolved as @backing_path
 * @data_file_raw: the external data file is by itself a raw image
 * @n_snapshots: internal snapshots
 * @n_bitmaps: dirty bitmaps, those that the image says are valid
 * @dirty: it was not closed; reference counts may be stale, the content is sound
 * @corrupt: a program found it corrupt and marked it
 * @encrypted: the payload cannot be read without a key
 * @encryption: (nullable): "aes" or "luks"
 * @looks_like: (nullable): where @format was stated as "raw": another format, by its name, whose
 *   header the first bytes are; %NULL where there is none
 * @trouble: (nullable): the first thing that keeps the image from being used; %NULL where it can
 *   be. The other members are then as far as the bytes allow.
 * @version: of the format: 2 or 3 for qcow2, 0 where it has none
 * @cluster_size: the unit of allocation, 0 where the format has none
 * @refcount_bits: width of a reference count, 0 where it has none
 * @compression: (nullable): "zlib", "zstd"
 * @extended_l2: has subclusters, 32 to a cluster
 * @lazy_refcounts: writers may leave reference counts stale
 * @incompatible_features: the feature bits as stored
 * @compatible_features: likewise
 * @autoclear_features: likewise
 */
typedef struct {
    char *path;
    char *format;
    guint64 virtual_size;
    guint64 file_size;
    guint64 allocated_size;
    char *backing_name;
    char *backing_format;
    char *backing_path;
    char *data_file_name;
    char *data_file_path;
    gboolean data_file_raw;
    guint n_snapshots;
    guint n_bitmaps;
    gboolean dirty;
    gboolean corrupt;
    gboolean encrypted;
    char *encryption;
    char *looks_like;
    char *trouble;
    guint version;
    guint cluster_size;
    guint refcount_bits;
    char *compression;
    gboolean extended_l2;
    gboolean lazy_refcounts;
    guint64 incompatible_features;
    guint64 compatible_features;
    guint64 autoclear_features;
} SinterImageInfo;

/**
 * sinter_image_info_new:
 * @fs: (nullable): where @path is; %NULL for the host's files
 * @path: the image
 * @format: (nullable): its format where that is known (from the domain's XML, from the image
 *   above), and then it is not probed; %NULL probes the content, which is right only for images
 *   whose content is trusted
 *
 * Reads what the image says about itself. Opens @path for reading, without a lock, and nothing
 * else. A damaged image is a success with @trouble set, as long as its first bytes say what it
 * is.
 *
 * Returns: (transfer full): free with sinter_image_info_free().
 */
SinterImageInfo *sinter_image_info_new(SinterFs *fs, const char *path, const char *format,
                                       GError **error);

/* As sinter_image_info_new() for a file that is open already. */
SinterImageInfo *sinter_image_info_new_for_io(SinterIo *io, const char *format, GError **error);

/* Accepts %NULL. */
void sinter_image_info_free(SinterImageInfo *info);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SinterImageInfo, sinter_image_info_free)

/**
 * SinterSnapshotInfo:
 * @id: unique in its image
 * @name: what people call it, maybe empty
 * @vm_state_size: of the machine's saved memory and devices, 0 for none
 * @disk_size: virtual size of the disk then
 * @date_sec: seconds since 1970
 * @date_nsec: and nanoseconds
 * @vm_clock_nsec: how long the machine had run
 * @icount: instructions executed, or %G_MAXUINT64 where that was not counted
 */
typedef struct {
    char *id;
    char *name;
    guint64 vm_state_size;
    guint64 disk_size;
    gint64 date_sec;
    guint32 date_nsec;
    guint64 vm_clock_nsec;
    guint64 icount;
} SinterSnapshotInfo;

/**
 * SinterBitmapInfo:
 * @name: unique in its image
 * @granularity: bytes of the disk that one bit stands for
 * @in_use: it was not stored at the end of its last use: its bits cannot be trusted
 * @enabled: whoever opens the image for writing goes on marking it
 */
typedef struct {
    char *name;
    guint64 granularity;
    gboolean in_use;
    gboolean enabled;
} SinterBitmapInfo;

/**
 * sinter_image_list_snapshots:
 * @io: the image
 * @format: (nullable): as for sinter_image_info_new()
 *
 * Returns: (transfer container) (element-type SinterSnapshotInfo): the internal snapshots, in the
 * order of the image; free with g_ptr_array_unref(). Empty for formats without any.
 */
GPtrArray *sinter_image_list_snapshots(SinterIo *io, const char *format, GError **error);

/**
 * sinter_image_list_bitmaps:
 *
 * Returns: (transfer container) (element-type SinterBitmapInfo): the dirty bitmaps that are
 * valid; free with g_ptr_array_unref().
 */
GPtrArray *sinter_image_list_bitmaps(SinterIo *io, const char *format, GError **error);

#define SINTER_LUKS_SLOTS 8

/**
 * SinterLuksInfo:
 * @cipher: "aes"
 * @key_bits: of the cipher
 * @mode: "xts", "cbc"
 * @iv_generator: "plain64", "essiv"
 * @iv_hash: (nullable): what "essiv" hashes with
 * @hash: "sha256"
 * @uuid: of the encrypted volume
 * @payload_offset: where LUKS itself would put the payload
 * @master_key_iterations: of the master key's digest
 * @slots: key slots; the other members of one that is not active but @key_offset mean nothing
 */
typedef struct {
    char *cipher;
    guint key_bits;
    char *mode;
    char *iv_generator;
    char *iv_hash;
    char *hash;
    char *uuid;
    guint64 payload_offset;
    guint master_key_iterations;
    struct {
        gboolean active;
        guint iterations;
        guint64 key_offset;
        guint stripes;
    } slots[SINTER_LUKS_SLOTS];
} SinterLuksInfo;

/**
 * sinter_image_luks_info_new:
 * @io: an image that is encrypted with LUKS
 * @format: (nullable): as for sinter_image_info_new()
 *
 * Reads what the LUKS header says; no key is needed. Neither keys nor salts are given out.
 *
 * Returns: (transfer full): free with sinter_luks_info_free(); %NULL with UNSUPPORTED where the
 * image has no such header.
 */
SinterLuksInfo *sinter_image_luks_info_new(SinterIo *io, const char *format, GError **error);

/* Accepts %NULL. */
void sinter_luks_info_free(SinterLuksInfo *info);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SinterLuksInfo, sinter_luks_info_free)

/**
 * sinter_image_resolve_name:
 * @image_path: the image that stores @name
 * @name: a backing file's or data file's name as stored
 *
 * The one rule for names inside images: an absolute path stands for itself; a relative one is
 * relative to the folder of the image, never to the current one. A name that begins like a
 * protocol ("nbd:", "json:", "http://") is refused, as QEMU would not take it for a path; write
 * "./a:b" for a file of that name.
 *
 * Returns: (transfer full): the path, or %NULL with UNSUPPORTED.
 */
char *sinter_image_resolve_name(const char *image_path, const char *name, GError **error);

G_END_DECLS
