/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * SECTION:image
 *
 * Information about one disk image, read from the image alone: no other file is opened.
 *
 * Units: bytes, unless a name says otherwise. Errors: #GError of the domain %SINTER_ERROR. Threads:
 * the functions may be called from any thread; a #SinterImageInfo is a plain value that belongs to
 * its caller.
 */

#include <glib.h>
#include <sinter/io.h>

G_BEGIN_DECLS

/**
 * SinterImageInfo:
 * @path: the path that the image was opened by
 * @format: "qcow2", "raw", …
 * @virtual_size: size of the disk that the guest sees
 * @file_size: size of the file
 * @allocated_size: host space that the file takes
 * @backing_name: (nullable): the backing file's name as stored, %NULL for none
 * @backing_format: (nullable): its format as stored; %NULL if not stored; then the format must not
 *   be probed unless the image is trusted
 * @backing_path: (nullable): @backing_name resolved against the image's folder; %NULL if there is
 *   none or if the name is not a plain path (`json:`, `nbd:` and the like)
 * @data_file_name: (nullable): the external data file's name as stored
 * @data_file_path: (nullable): resolved as @backing_path
 * @data_file_raw: the external data file is a valid raw image on its own
 * @n_snapshots: number of internal snapshots
 * @n_bitmaps: number of dirty bitmaps that the image declares valid
 * @dirty: the image was not closed cleanly; reference counts may be stale, the content is
 *   consistent
 * @corrupt: the image is marked as corrupt
 * @encrypted: the payload cannot be read without a key
 * @encryption: (nullable): "aes" or "luks"
 * @looks_like: (nullable): if the caller stated @format as "raw": the name of another format whose
 *   header the file begins with; %NULL if there is none
 * @trouble: (nullable): the first problem that makes the image unusable; %NULL if there is none.
 *   With a problem, the other members are set as far as the content allows.
 * @version: version of the format: 2 or 3 for qcow2, 0 if the format has none
 * @cluster_size: the unit of allocation, 0 if the format has none
 * @refcount_bits: width of a reference count, 0 if the format has none
 * @compression: (nullable): "zlib", "zstd"
 * @extended_l2: the image has subclusters, 32 per cluster
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
 * @fs: (nullable): the set of files that @path is in; %NULL for the host's files
 * @path: the image
 * @format: (nullable): the image's format if known (from the domain's XML, from the overlay); it is
 *   then not probed; %NULL probes the content, which is safe only for trusted images
 *
 * Reads an image's metadata. Opens only @path, for reading and without a lock. For a damaged image
 * the call succeeds with @trouble set, as long as its first bytes identify the format.
 *
 * Returns: (transfer full): free with sinter_image_info_free().
 */
SinterImageInfo *sinter_image_info_new(SinterFs *fs, const char *path, const char *format,
                                       GError **error);

/* Like sinter_image_info_new(), for an open file. */
SinterImageInfo *sinter_image_info_new_for_io(SinterIo *io, const char *format, GError **error);

/**
 * sinter_image_count_used:
 * @fs: (nullable): as for sinter_image_info_new()
 * @path: the image
 * @format: its format
 * @ret_bytes: (out): the space of its file that the image uses, by its own records
 *
 * An image on a block device can grow by the rest of the device. Opens only @path, for reading and
 * without a lock: if it is open in a writer, the result may be out of date.
 *
 * Returns: %FALSE with UNSUPPORTED if the format does not record it
 */
gboolean sinter_image_count_used(SinterFs *fs, const char *path, const char *format,
                                 guint64 *ret_bytes, GError **error);

/* Accepts %NULL. */
void sinter_image_info_free(SinterImageInfo *info);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SinterImageInfo, sinter_image_info_free)

/**
 * SinterSnapshotInfo:
 * @id: unique in its image
 * @name: the user's name for it, possibly empty
 * @vm_state_size: size of the saved memory and device state, 0 for none
 * @disk_size: virtual size of the disk at the time of the snapshot
 * @date_sec: seconds since 1970
 * @date_nsec: and nanoseconds
 * @vm_clock_nsec: how long the virtual machine had been running
 * @icount: instructions executed, or %G_MAXUINT64 if not recorded
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
 * @granularity: bytes of the disk per bit
 * @in_use: the bitmap was not stored after its last use: its content is inconsistent
 * @enabled: a program that writes to the image marks what it writes in this bitmap
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
 * order of the image; empty if the format has none; free with g_ptr_array_unref()
 */
GPtrArray *sinter_image_list_snapshots(SinterIo *io, const char *format, GError **error);

/**
 * sinter_image_list_bitmaps:
 *
 * Returns: (transfer container) (element-type SinterBitmapInfo): the valid dirty bitmaps; free with
 * g_ptr_array_unref().
 */
GPtrArray *sinter_image_list_bitmaps(SinterIo *io, const char *format, GError **error);

#define SINTER_LUKS_SLOTS 8

/**
 * SinterLuksInfo:
 * @cipher: "aes"
 * @key_bits: key size of the cipher
 * @mode: "xts", "cbc"
 * @iv_generator: "plain64", "essiv"
 * @iv_hash: (nullable): the hash that "essiv" uses
 * @hash: "sha256"
 * @uuid: of the encrypted volume
 * @payload_offset: the payload offset in the LUKS header
 * @master_key_iterations: of the master key's digest
 * @slots: key slots; of an inactive slot only @key_offset is meaningful
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
 * Reads the LUKS header; no key is needed. Neither keys nor salts are returned.
 *
 * Returns: (transfer full): free with sinter_luks_info_free(); %NULL with UNSUPPORTED if the image
 * has no such header.
 */
SinterLuksInfo *sinter_image_luks_info_new(SinterIo *io, const char *format, GError **error);

/* Accepts %NULL. */
void sinter_luks_info_free(SinterLuksInfo *info);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SinterLuksInfo, sinter_luks_info_free)

/**
 * SinterImageName:
 * @path: (nullable): the file; %NULL for a null device
 * @format: (nullable): the format, if the name states it
 * @is_device: the file must be a block device
 * @no_lock: the file is to be opened without a lock
 * @no_backing: the image is to be opened without its backing file
 * @null_size: size in bytes of a null device, which reads as zeros
 *
 * What a name of an image means.
 */
typedef struct {
    char *path;
    char *format;
    gboolean is_device;
    gboolean no_lock;
    gboolean no_backing;
    guint64 null_size;
} SinterImageName;

/* Returns whether @name begins with `json:`. */
gboolean sinter_image_name_is_json(const char *name);

/**
 * sinter_image_name_parse:
 * @name: a path, or `json:` and an object as QEMU takes it
 * @ret: (out): clear with sinter_image_name_clear()
 *
 * Parses a name strictly. In an object the drivers qcow2 and raw over file, host_device and null-co
 * are known, with the file's name, its locking, and no backing file ("backing": null). Any other
 * driver or key is refused, and so is JSON that is not valid.
 *
 * Returns: %FALSE with UNSUPPORTED or INVALID_ARGUMENT.
 */
gboolean sinter_image_name_parse(const char *name, SinterImageName *ret, GError **error);

/* Frees what sinter_image_name_parse() allocated. */
void sinter_image_name_clear(SinterImageName *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(SinterImageName, sinter_image_name_clear)

/**
 * sinter_image_resolve_name:
 * @image_path: the image that stores @name
 * @name: a backing file's or data file's name as stored
 *
 * Resolves a file name that is stored in an image. An absolute path is used unchanged; a relative
 * one is relative to the folder of the image, never to the current folder. A name that begins with
 * a protocol prefix ("nbd:", "json:", "http://") is refused, because QEMU would not treat it as a
 * path; use "./a:b" for a file of that name. The exception is a "json:" name as
 * sinter_image_name_parse() takes it, if it names a file with an absolute path: a relative one
 * would be relative to the current folder for QEMU.
 *
 * Returns: (transfer full): the path, or %NULL with UNSUPPORTED.
 */
char *sinter_image_resolve_name(const char *image_path, const char *name, GError **error);

G_END_DECLS
