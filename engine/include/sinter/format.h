/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * SECTION:format
 *
 * The interface between the engine and the drivers of image formats, inside the library and in
 * plugins. A driver is one #SinterFormat: a table of callbacks, few of which are required. The
 * engine opens and locks files, checks ranges, and has fallbacks for many optional callbacks; an
 * operation whose callback is missing and has no fallback fails with UNSUPPORTED.
 *
 * A driver reads and writes files through <sinter/io.h> only. Image content is untrusted: a driver
 * must check every offset, size and count before it uses it.
 *
 * Units: bytes, unless a name says otherwise. Errors: #GError of the domain %SINTER_ERROR; a
 * callback that fails sets one. Messages do not name the image unless the callback's comment
 * requires it: the engine adds the name. Threads: each callback's comment states which threads call
 * it. Call sinter_format_register() from one thread, before the first image is opened.
 */

#include <gio/gio.h>
#include <sinter/amend.h>
#include <sinter/bitmap.h>
#include <sinter/chain.h>
#include <sinter/check.h>
#include <sinter/create.h>
#include <sinter/dump.h>
#include <sinter/format-change.h>
#include <sinter/image.h>
#include <sinter/io.h>
#include <sinter/loss.h>
#include <sinter/measure.h>
#include <sinter/patch.h>
#include <sinter/repair.h>
#include <sinter/rescue.h>
#include <sinter/resize.h>
#include <sinter/snapshot.h>

G_BEGIN_DECLS

/* The version of this interface. Drivers of other versions are refused. */
#define SINTER_FORMAT_API_VERSION 1

/*
 * Number of bytes at the start of a file that probe() receives; fewer only if the file is shorter.
 */
#define SINTER_FORMAT_PROBE_BYTES 2048

/* See sinter-progress.h. */
typedef struct _SinterProgress SinterProgress;

/* --- an image that is open for reading --- */

/**
 * SinterImage:
 *
 * One image, open for reading. The engine owns it; it holds the driver's state.
 */
typedef struct _SinterImage SinterImage;

/* (transfer none): the image file, and the set of files in which its other files are opened. */
SinterIo *sinter_image_get_io(SinterImage *image);
SinterFs *sinter_image_get_fs(SinterImage *image);

/* (transfer none): the result of inspect(). */
const SinterImageInfo *sinter_image_get_info(SinterImage *image);

/* The driver's state; %NULL until it is set. The driver's close() frees it. */
gpointer sinter_image_get_state(SinterImage *image);
void sinter_image_set_state(SinterImage *image, gpointer state);

/* The size of the disk in bytes. Initially the value from inspect(); open() may change it. */
guint64 sinter_image_get_virtual_size(SinterImage *image);
void sinter_image_set_virtual_size(SinterImage *image, guint64 virtual_size);

/**
 * sinter_image_set_host_unit:
 * @unit_bytes: a power of two
 *
 * Sets the unit of host space to @unit_bytes: only the last unit of a file may be incomplete; the
 * missing part reads as zeros. Extent data further beyond the end of the file is an error. The
 * default is 512.
 */
void sinter_image_set_host_unit(SinterImage *image, guint64 unit_bytes);

/*
 * Sets the file that host offsets of DATA point into; the image file by default. Takes a reference.
 */
void sinter_image_set_data_io(SinterImage *image, SinterIo *data_io);

/**
 * SinterFormatOpen:
 * @snapshot: (nullable): id or name of the internal snapshot to read; %NULL for the active disk
 * @flags: how to open further files
 * @cache_bytes: memory that the driver may use to cache the image's tables
 */
typedef struct {
    const char *snapshot;
    SinterIoFlags flags;
    gsize cache_bytes;
} SinterFormatOpen;

/**
 * SinterFormatStreamRef:
 * @at: offset of a compressed stream in a buffer
 * @bytes: its length, possibly rounded up
 */
typedef struct {
    guint32 at;
    guint32 bytes;
} SinterFormatStreamRef;

/**
 * SinterFormatStreams:
 * @offset: guest offset of the first cluster
 * @n: maximum number of clusters to read; on return the number read, at least 1
 * @buf: receives the streams, one after the other
 * @room: size of @buf
 * @refs: array of @n: positions of the streams in @buf
 *
 * Compressed clusters, read in their stored form.
 */
typedef struct {
    guint64 offset;
    guint n;
    guint8 *buf;
    gsize room;
    SinterFormatStreamRef *refs;
} SinterFormatStreams;

/* --- an image that is open for writing --- */

/**
 * SinterFormatFile:
 * @fs: the set of files in which further files are opened
 * @io: the image, open for writing and locked
 * @data_io: (nullable): open and locked, used instead of the data file that the image names
 * @io_flags: how to open further files
 * @probe_backing: whether a backing file whose format is not stored may be probed
 *
 * An image file that a driver changes. The caller owns all members and keeps the files open until
 * the driver is done.
 */
typedef struct {
    SinterFs *fs;
    SinterIo *io;
    SinterIo *data_io;
    SinterIoFlags io_flags;
    gboolean probe_backing;
} SinterFormatFile;

/**
 * SinterFormatWrite:
 * @no_backing: open no backing file; an operation that needs its content fails
 * @backing: (nullable): the open backing chain, used instead of the file that the image names. The
 *   driver takes ownership, also on failure, and frees it with sinter_chain_free()
 */
typedef struct {
    gboolean no_backing;
    SinterChain *backing;
} SinterFormatWrite;

/**
 * SinterFormatTraitFlags:
 * @SINTER_FORMAT_TAKES_STREAMS: write_stream() accepts unchanged compressed clusters of another
 *   image with the same cluster size and compression
 * @SINTER_FORMAT_ADOPTS: write_adopt() is available
 */
typedef enum {
    SINTER_FORMAT_TAKES_STREAMS = 1 << 0,
    SINTER_FORMAT_ADOPTS = 1 << 1,
} SinterFormatTraitFlags;

/**
 * SinterFormatTraits:
 * @virtual_size: size of the disk
 * @cluster_size: the unit of allocation, a power of two; 0 if the format has none
 * @unit_size: the smallest unit in which the format records zeros, a power of two; 1 if it has none
 * @compression: (nullable): the type of compressed clusters, as in #SinterImageInfo
 * @flags: what the image supports
 * @data_io: the file that holds guest data
 * @backing: (nullable): the backing chain
 *
 * Properties of an image that is open for writing. @compression, @data_io and @backing belong to
 * the driver and are valid as long as the writer.
 */
typedef struct {
    guint64 virtual_size;
    guint64 cluster_size;
    guint64 unit_size;
    const char *compression;
    SinterFormatTraitFlags flags;
    SinterIo *data_io;
    SinterChain *backing;
} SinterFormatTraits;

/**
 * SinterFormatPlace:
 * @offset: offset in the disk
 * @host: offset in the data file
 * @length: number of bytes; 0 if there is no such place
 * @is_new: the image does not map these host bytes yet: write_map() or write_drop() must follow
 *
 * Where to write bytes of the disk. For a format with clusters @offset and @length cover whole
 * clusters.
 */
typedef struct {
    guint64 offset;
    guint64 host;
    guint64 length;
    gboolean is_new;
} SinterFormatPlace;

/**
 * SinterFormatThreads:
 * @SINTER_FORMAT_SERIALIZED: the engine makes one call to a writer at a time
 * @SINTER_FORMAT_PARALLEL: a writer may be called from any number of threads at once
 */
typedef enum {
    SINTER_FORMAT_SERIALIZED,
    SINTER_FORMAT_PARALLEL,
} SinterFormatThreads;

/* --- the driver --- */

/**
 * SinterFormat:
 *
 * A driver. @struct_size, @api_version, @name, @probe, @inspect, @open and @map are required; a
 * format that can be written needs @write_open, @write_close, @write_free, @write_read, @write and
 * @write_flush; a format that can be created needs @create. All other members are optional. New
 * members are only appended, so a driver that was built against an older header of the same API
 * version keeps working.
 */
typedef struct {
    /* sizeof(SinterFormat) and SINTER_FORMAT_API_VERSION at the driver's build. */
    gsize struct_size;
    guint api_version;

    /* The name that users write: "qcow2". Lower case letters, digits and dashes. */
    const char *name;

    /* Which threads may call its writers. */
    SinterFormatThreads threads;

    /* The file equals the disk, byte for byte and in length: raw. */
    gboolean is_flat;

    /*
     * The driver's own findings, and the code of the first: a multiple of SINTER_FINDING_RANGE that
     * no other driver uses. NULL for none.
     */
    const SinterFindingKind *findings;
    guint n_findings;
    guint first_finding;

    /* Reading. */

    /*
     * Required. Returns whether @start, the first @len bytes of a file, is of this format. Must not
     * read anything else. Any thread.
     */
    gboolean (*probe)(const guint8 *start, gsize len);

    /*
     * Required. Fills @info, in which path, format, file_size and allocated_size are already set;
     * strings are allocated with g_malloc(). Must not open files. Fails if reading fails, or if the
     * file is not of this format at all; reports other damage in info->trouble. Any thread.
     */
    gboolean (*inspect)(SinterIo *io, SinterImageInfo *info, GError **error);

    /*
     * Required. Prepares @image for reading: sets its state, its virtual size and, if they differ
     * from the defaults, host unit and data file. close() is always called afterwards. One thread.
     */
    gboolean (*open)(SinterImage *image, const SinterFormatOpen *how, GError **error);

    /*
     * Required. Returns the extent at @offset: at most @len bytes of one kind, with contiguous host
     * offsets. The range is inside the disk. HOLE means that this image holds nothing there; layer
     * is 0. Any number of threads at once.
     */
    gboolean (*map)(SinterImage *image, guint64 offset, guint64 len, SinterExtent *ret,
                    GError **error);

    /* Undoes open(), also after open() failed. One thread. */
    void (*close)(SinterImage *image);

    /*
     * Reads a range of an extent that map() reported as COMPRESSED. Required if map() reports such
     * extents. The engine reads extents of DATA. Any number of threads at once.
     */
    gboolean (*read_compressed)(SinterImage *image, guint64 offset, void *buf, gsize len,
                                GError **error);

    /*
     * Reads compressed clusters without decoding them, so that they can be moved into an image of
     * the same format, cluster size and compression. Any number of threads at once.
     */
    gboolean (*read_streams)(SinterImage *image, SinterFormatStreams *streams, GError **error);

    /*
     * Sets @ret_bytes to the exact length of the stream at @data, at most @n bytes. Decodes the
     * stream into @plain, a buffer of one cluster. Required with read_streams(). Any number of
     * threads at once.
     */
    gboolean (*measure_stream)(SinterImage *image, const void *data, gsize n, void *plain,
                               gsize *ret_bytes, GError **error);

    /* Returns whether the image's metadata appears to be preallocated. Any thread. */
    gboolean (*is_preallocated)(SinterImage *image);

    /* Adds SinterSnapshotInfo or SinterBitmapInfo to @list, which takes ownership. Any thread. */
    gboolean (*list_snapshots)(SinterIo *io, GPtrArray *list, GError **error);
    gboolean (*list_bitmaps)(SinterIo *io, GPtrArray *list, GError **error);

    /* Fills @info from the LUKS header. @info is zeroed by the caller. Any thread. */
    gboolean (*read_luks)(SinterIo *io, SinterLuksInfo *info, GError **error);

    /* Checking and dumping. */

    /*
     * Checks the file and adds findings to @result, which is empty, with sinter_check_result_add().
     * Any thread.
     */
    gboolean (*check)(SinterIo *io, const SinterCheckOptions *options, SinterCheckResult *result,
                      GError **error);

    /*
     * Repairs what check() finds, as <sinter/repair.h> describes. The file is locked, and open for
     * writing unless options->dry_run is set. Succeeds if damage is left. Any thread.
     */
    gboolean (*repair)(const SinterFormatFile *file, const SinterRepairOptions *options,
                       SinterRepairResult *result, GError **error);

    /* Reports all metadata, like sinter_image_dump(). Any thread. */
    gboolean (*dump)(SinterIo *io, const SinterDumpVisitor *visitor, gpointer user_data,
                     GCancellable *cancellable, GError **error);

    /* Creating. Any thread. */

    /*
     * Checks whether @options are compatible, before anything is created. If missing: all options
     * that the engine accepts are valid.
     */
    gboolean (*create_check)(const SinterCreateOptions *options, GError **error);

    /*
     * Writes an empty image into @io, which is empty or a block device, and sets the size of
     * @data_io (nullable), which is empty. The result is durable; the bytes that identify the file
     * as an image of this format are written last.
     */
    gboolean (*create)(SinterIo *io, SinterIo *data_io, const SinterCreateOptions *options,
                       GError **error);

    /* Computes the space that an image needs. @ret is zeroed by the caller. */
    gboolean (*measure)(const SinterFormatMeasure *source, const SinterMeasureOptions *options,
                        SinterMeasure *ret, GError **error);

    /* Writing. Ranges are inside the disk. Threads: see @threads, unless stated otherwise. */

    /*
     * Opens the image for writing, and fills @ret, which is zeroed by the caller. Refuses images
     * that cannot be written safely.
     * Returns: the writer, or NULL with an error.
     */
    gpointer (*write_open)(const SinterFormatFile *file, const SinterFormatWrite *how,
                           SinterFormatTraits *ret, GError **error);

    /* Completes all work: everything is durable, and nothing leaks. write_free() follows. */
    gboolean (*write_close)(gpointer writer, GError **error);

    /* Frees the writer; unflushed writes may be lost, but the image is consistent. */
    void (*write_free)(gpointer writer);

    /* Reads the disk as the guest sees it, including earlier writes. */
    gboolean (*write_read)(gpointer writer, guint64 offset, void *buf, gsize len, GError **error);

    gboolean (*write)(gpointer writer, guint64 offset, const void *buf, gsize len, GError **error);

    /* All earlier writes are durable when this returns TRUE. */
    gboolean (*write_flush)(gpointer writer, GError **error);

    /* Makes the range read as zeros. If missing: zeros are written. */
    gboolean (*write_zero)(gpointer writer, guint64 offset, guint64 len, GError **error);

    /*
     * Frees the range: freed parts read as zeros afterwards, the rest is unchanged. If missing:
     * does nothing.
     */
    gboolean (*write_discard)(gpointer writer, guint64 offset, guint64 len, GError **error);

    /*
     * Copies the bytes of @from, which holds the whole range. If missing: the bytes are read and
     * written.
     */
    gboolean (*write_copy)(gpointer writer, guint64 offset, SinterIo *from, guint64 from_offset,
                           guint64 len, GError **error);

    /*
     * Sets @ret_held to whether the image itself, not a backing file, holds the first bytes of the
     * range (zero clusters count as held), and @ret_len to the number of bytes for which this is
     * so: at least 1. If missing: the image holds everything.
     */
    gboolean (*write_holds)(gpointer writer, guint64 offset, guint64 len, gboolean *ret_held,
                            guint64 *ret_len, GError **error);

    /*
     * Returns the place in the data file for the start of the range. The engine writes the bytes
     * there, and then calls write_map(), or write_drop() if the write failed. No other call changes
     * that range in between. If missing: data is written only with write(). @ret is zeroed except
     * for its offset.
     */
    gboolean (*write_place)(gpointer writer, guint64 offset, guint64 len, SinterFormatPlace *ret,
                            GError **error);
    /*
     * Maps a place after its bytes are written: the guest sees them from now on. On failure the
     * place is dropped. This and write_drop() are required if a place may be new.
     */
    gboolean (*write_map)(gpointer writer, const SinterFormatPlace *place, GError **error);
    /* Drops a place whose bytes were not written: a new place is freed. */
    void (*write_drop)(gpointer writer, const SinterFormatPlace *place);

    /*
     * Compresses @cluster, one whole cluster of the image, into @out, a buffer of one cluster.
     * Returns: the stream's length, 0 if it is not shorter. Any number of threads at once.
     */
    gsize (*compress)(gpointer writer, const guint8 *cluster, guint8 *out);

    /*
     * Stores @data, a stream of the image's own compression type, as the whole cluster at @offset.
     * Extra bytes after the stream are harmless.
     */
    gboolean (*write_stream)(gpointer writer, guint64 offset, const void *data, gsize n_bytes,
                             GError **error);

    /*
     * Copies the bytes of @from into the @n whole clusters at @offsets, in order, with as few copy
     * operations as possible: for files that share blocks.
     */
    gboolean (*write_adopt)(gpointer writer, const guint64 *offsets, guint64 n, SinterIo *from,
                            guint64 from_offset, GError **error);

    /*
     * Announces that the image will get a backing file: from now on zeros are stored explicitly,
     * even where the lack of a backing file would make this unnecessary. If missing: zeros are
     * always stored.
     */
    void (*write_store_zeros)(gpointer writer);

    /*
     * Empties the image: the disk then reads like its backing file. The result is durable. If
     * missing: the image cannot be emptied.
     */
    gboolean (*write_empty)(gpointer writer, GError **error);

    /*
     * Changes of metadata, in a file that is open for writing and locked. The result is durable,
     * and the image is consistent at every moment. A failure to open the image is wrapped with
     * sinter_error_wrap_open(). Any thread.
     */

    /* Changes the backing file: its name (NULL: none) and format (NULL: not stored), as stored. */
    gboolean (*relink)(SinterIo *io, const char *backing_name, const char *backing_format,
                       GError **error);
    /* For COMPARE the file is open for reading. */
    gboolean (*snapshot)(const SinterFormatFile *file, const SinterFormatSnapshot *what,
                         GError **error);
    gboolean (*bitmaps)(const SinterFormatFile *file, SinterFormatBitmaps *what, GError **error);
    gboolean (*resize)(const SinterFormatFile *file, const SinterResizeOptions *what,
                       GError **error);
    gboolean (*amend)(const SinterFormatFile *file, const SinterAmendOptions *options,
                      SinterProgress *progress, GError **error);

    /* Reading damaged images. Both or none. One thread at a time uses an image opened this way. */

    /*
     * Like open(), but succeeds as long as the geometry of the disk is known: whatever else is
     * damaged or missing is reported by salvage_map(). close() undoes it.
     */
    gboolean (*salvage_open)(SinterImage *image, const SinterFormatOpen *how, GError **error);

    /*
     * Like map(), for an image that salvage_open() opened. It cannot fail: damage is a result. A
     * range that a damaged entry may have mapped is never reported as a HOLE. Tables that could not
     * be read are read again.
     */
    void (*salvage_map)(SinterImage *image, guint64 offset, guint64 len, SinterFormatSalvage *ret);

    /* Finds the place of a change that is not WRITE, also in a damaged image (patch.h). Any thread.
     */
    gboolean (*patch)(SinterIo *io, const SinterPatch *patch, SinterPatchChange *ret, GError **e);

    /*
     * Searches the file for orphaned tables and data and, if @options say so, applies what was
     * found; fills @result, whose lists are empty. Also called for a file without a valid header.
     * The file is open for reading, or for writing and locked. Any thread.
     */
    gboolean (*rescue)(SinterIo *io, const SinterRescueOptions *options, SinterRescueResult *result,
                       GError **error);

    /* Counts the space of the image's file that is in use, in bytes. Any thread. */
    gboolean (*count_used)(SinterImage *image, guint64 *ret_bytes, GError **error);

    /*
     * Removes the whole clusters of the range from the image, data and zeros: the disk then reads
     * there like the backing file, and their space is free. Dirty bitmaps record nothing of it.
     * Durable after write_flush(). Sets @ret_end to the end of what was removed; the last cluster
     * of the disk counts as whole. If missing: nothing can be removed.
     */
    gboolean (*write_uncover)(gpointer writer, guint64 offset, guint64 len, guint64 *ret_end,
                              GError **error);
} SinterFormat;

/**
 * sinter_format_register:
 * @format: the driver, which is copied; everything it points to must stay valid
 *
 * Registers a format. Call it from one thread, before the first image is opened. Probing tries
 * registered drivers before qcow2 and raw, in the order of registration.
 *
 * Returns: %FALSE with INVALID_ARGUMENT if this library does not know the API version or the
 * structure's size, a required member is missing, the name or the findings' codes are already in
 * use, or an image was opened before.
 */
gboolean sinter_format_register(const SinterFormat *format, GError **error);

/* (transfer none) (nullable): the driver of that name; valid until the program ends. Any thread. */
const SinterFormat *sinter_format_lookup(const char *name);

/**
 * sinter_format_list:
 *
 * Any thread, after all formats are registered.
 *
 * Returns: (transfer container): the names of all formats, in alphabetical order, %NULL-terminated;
 * free with g_free()
 */
const char **sinter_format_list(void);

/**
 * sinter_check_result_add:
 * @result: the result of the running check
 * @options: the check's options, which limit the findings kept per code
 * @finding: its code is one of the driver's own or a common one; the function takes ownership of
 *   its content
 *
 * For check(): counts the finding and keeps it up to the limit. One thread.
 */
void sinter_check_result_add(SinterCheckResult *result, const SinterCheckOptions *options,
                             SinterFinding *finding);

G_END_DECLS
