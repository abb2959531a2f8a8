/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * SECTION:format
 *
 * The interface between the engine and the drivers of image formats, inside the library and in
 * plugins. A driver is one #SinterFormat: a table of callbacks, of which few are required. The
 * engine opens and locks files, checks ranges, and does what a driver leaves out as well as it can;
 * where nothing can stand in for a missing callback the operation fails with UNSUPPORTED.
 *
 * A driver reads and writes files through <sinter/io.h> only. What it reads from an image is
 * untrusted: it checks every offset, size and count before it uses it.
 *
 * Units: bytes, unless a name says otherwise. Errors: #GError of the domain %SINTER_ERROR; a
 * callback that fails sets one. Messages do not name the image where the comment of the callback
 * does not ask for it: the engine adds that. Threads: each callback says which threads call it.
 * sinter_format_register() belongs to one thread, before the first image is opened.
 */

#include <gio/gio.h>
#include <sinter/amend.h>
#include <sinter/bitmap.h>
#include <sinter/chain.h>
#include <sinter/check.h>
#include <sinter/create.h>
#include <sinter/dump.h>
#include <sinter/image.h>
#include <sinter/io.h>
#include <sinter/measure.h>
#include <sinter/resize.h>
#include <sinter/snapshot.h>

G_BEGIN_DECLS

/* The version of this interface. A driver of another version is refused. */
#define SINTER_FORMAT_API_VERSION 1

/* How many of a file's first bytes probe() sees, fewer only where the file is shorter. */
#define SINTER_FORMAT_PROBE_BYTES 2048

/* See sinter-progress.h. */
typedef struct _SinterProgress SinterProgress;

/* --- an image that is open for reading --- */

/**
 * SinterImage:
 *
 * One image that is open for reading. The engine owns it; a driver keeps its state in it.
 */
typedef struct _SinterImage SinterImage;

/* (transfer none): the image file, and the set of files in which others of its are opened. */
SinterIo *sinter_image_get_io(SinterImage *image);
SinterFs *sinter_image_get_fs(SinterImage *image);

/* (transfer none): what inspect() said. */
const SinterImageInfo *sinter_image_get_info(SinterImage *image);

/* The state that the driver keeps; %NULL until it is set. The driver's close() frees it. */
gpointer sinter_image_get_state(SinterImage *image);
void sinter_image_set_state(SinterImage *image, gpointer state);

/* Of the disk. Before open() sets another one it is what inspect() said. */
guint64 sinter_image_get_virtual_size(SinterImage *image);
void sinter_image_set_virtual_size(SinterImage *image, guint64 virtual_size);

/**
 * sinter_image_set_host_unit:
 * @unit_bytes: a power of two
 *
 * Host space comes in units of @unit_bytes: only the last unit of a file may be there in part, and
 * then ends in zeros. Data of an extent that lies further behind the end of the file is an error.
 * The default is 512.
 */
void sinter_image_set_host_unit(SinterImage *image, guint64 unit_bytes);

/* The file that host offsets of DATA point into: the image itself by default. Takes a reference. */
void sinter_image_set_data_io(SinterImage *image, SinterIo *data_io);

/**
 * SinterFormatOpen:
 * @snapshot: (nullable): id or name of the internal snapshot to read; %NULL for the active disk
 * @flags: how further files are to be opened
 * @cache_bytes: how much memory the driver may keep of the image's tables
 */
typedef struct {
    const char *snapshot;
    SinterIoFlags flags;
    gsize cache_bytes;
} SinterFormatOpen;

/**
 * SinterFormatStreamRef:
 * @at: where a compressed stream begins in a buffer
 * @bytes: its length, and maybe some bytes more
 */
typedef struct {
    guint32 at;
    guint32 bytes;
} SinterFormatStreamRef;

/**
 * SinterFormatStreams:
 * @offset: of the first guest cluster
 * @n: how many clusters to read at most; then how many were read, at least 1
 * @buf: where streams go, one behind the other
 * @room: bytes of @buf
 * @refs: for @n of them: where the streams are in @buf
 *
 * Compressed clusters that are read as they are stored.
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
 * @fs: where further files are opened
 * @io: the image, open for writing and locked
 * @data_io: (nullable): open and locked, in place of the data file that the image names
 * @io_flags: how further files are to be opened
 * @probe_backing: whether formats of backing files that the image does not say may be told by
 *   their content
 *
 * An image file that a driver is to change. All of it belongs to the caller, which keeps it open
 * until the driver is done.
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
 * @no_backing: open no backing file; to need what it holds is an error
 * @backing: (nullable): what the image stands on, open, in place of the file that it names. The
 *   driver takes it, on failure as well, and frees it with sinter_chain_free()
 */
typedef struct {
    gboolean no_backing;
    SinterChain *backing;
} SinterFormatWrite;

/**
 * SinterFormatTraitFlags:
 * @SINTER_FORMAT_TAKES_STREAMS: write_stream() takes compressed clusters of another image with
 *   the same cluster size and compression as they are
 * @SINTER_FORMAT_ADOPTS: write_adopt() can be used
 */
typedef enum {
    SINTER_FORMAT_TAKES_STREAMS = 1 << 0,
    SINTER_FORMAT_ADOPTS = 1 << 1,
} SinterFormatTraitFlags;

/**
 * SinterFormatTraits:
 * @virtual_size: of the disk
 * @cluster_size: the unit of allocation, a power of two; 0 where the format has none
 * @unit_size: the finest unit in which the format records zeros, a power of two; 1 where it has
 *   none
 * @compression: (nullable): the type of compressed clusters, as in #SinterImageInfo
 * @flags: what the image is good for
 * @data_io: the file that guest data lies in
 * @backing: (nullable): what the image stands on
 *
 * What the engine has to know of an image that is open for writing. @compression, @data_io and
 * @backing belong to the driver and live as long as the writer.
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
 * @offset: in the disk
 * @host: where the bytes go in the data file
 * @length: how many; 0 where there is no such place
 * @is_new: the image does not show these host bytes yet: write_map() or write_drop() must follow
 *
 * Where bytes of the disk are to be written. For a format with clusters @offset and @length are
 * those of whole clusters.
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

/* --- changes of metadata --- */

/**
 * SinterFormatSnapshotKind:
 * @SINTER_FORMAT_SNAPSHOT_CREATE: keep the disk's present state
 * @SINTER_FORMAT_SNAPSHOT_APPLY: make the disk what it was
 * @SINTER_FORMAT_SNAPSHOT_DELETE: remove the snapshot
 */
typedef enum {
    SINTER_FORMAT_SNAPSHOT_CREATE,
    SINTER_FORMAT_SNAPSHOT_APPLY,
    SINTER_FORMAT_SNAPSHOT_DELETE,
} SinterFormatSnapshotKind;

/**
 * SinterFormatSnapshot:
 * @kind: what to do
 * @name: CREATE: of the new snapshot; else name or id of the one that is meant
 * @key: how @name is compared, but for CREATE
 * @date_usec: CREATE: microseconds since 1970
 */
typedef struct {
    SinterFormatSnapshotKind kind;
    const char *name;
    SinterSnapshotKey key;
    gint64 date_usec;
} SinterFormatSnapshot;

/**
 * SinterFormatBitmaps:
 * @name: of the bitmap to change
 * @actions: done one after the other
 * @n_actions: how many
 * @source: (nullable): an image that is open for reading and locked: where the sources of merges
 *   are; %NULL: in the image itself
 * @source_is_empty: @source has no bitmaps, as its format knows none; else it is of the driver's
 *   own format
 * @n_done: (out): how many of the actions went well
 *
 * Changes of a dirty bitmap. Where an action fails, those before it are stored.
 */
typedef struct {
    const char *name;
    const SinterBitmapAction *actions;
    gsize n_actions;
    SinterIo *source;
    gboolean source_is_empty;
    gsize n_done;
} SinterFormatBitmaps;

/**
 * SinterFormatMeasure:
 * @virtual_size: of the disk
 * @count_data: (nullable): sets @ret to the bytes of the disk that lie in clusters of
 *   @cluster_size bytes with data; %NULL for an empty disk
 * @data: for @count_data
 * @top: (nullable): the image whose content it is; %NULL for an empty disk
 * @bitmaps: (nullable) (element-type SinterBitmapInfo): those of @top; %NULL where its format has
 *   none, or none are to go along
 *
 * The disk that an image is to be measured for.
 */
typedef struct {
    guint64 virtual_size;
    gboolean (*count_data)(guint64 cluster_size, guint64 *ret, gpointer data, GError **error);
    gpointer data;
    const SinterImageInfo *top;
    GPtrArray *bitmaps;
} SinterFormatMeasure;

/* --- the driver --- */

/**
 * SinterFormat:
 *
 * A driver. Required are @struct_size, @api_version, @name, @probe, @inspect, @open and @map; a
 * format that can be written to has @write_open, @write_close, @write_free, @write_read, @write and
 * @write_flush; one that can be made has @create. All else is optional. Members are only ever
 * appended, so that a driver that was built against an older header of the same API version goes on
 * working.
 */
typedef struct {
    /* sizeof(SinterFormat) and SINTER_FORMAT_API_VERSION, as the driver was built. */
    gsize struct_size;
    guint api_version;

    /* As users write it: "qcow2". Lower case letters, digits and dashes. */
    const char *name;

    /* How its writers may be called. */
    SinterFormatThreads threads;

    /* The file is the disk, byte for byte, and as long: raw. */
    gboolean is_flat;

    /*
     * The driver's own findings, and the code of the first: a multiple of SINTER_FINDING_RANGE that
     * no other driver has. NULL for none.
     */
    const SinterFindingKind *findings;
    guint n_findings;
    guint first_finding;

    /* Reading. */

    /*
     * Required. Whether @start, the first @len bytes of a file, is of this format. Reads nothing
     * else. Any thread.
     */
    gboolean (*probe)(const guint8 *start, gsize len);

    /*
     * Required. Fills @info, in which path, format, file_size and allocated_size are set; strings
     * are allocated with g_malloc(). Opens nothing. Fails where reading fails, or where the file is
     * not of this format at all; other damage goes into info->trouble. Any thread.
     */
    gboolean (*inspect)(SinterIo *io, SinterImageInfo *info, GError **error);

    /*
     * Required. Prepares @image for reading: sets its state, its virtual size and, where they
     * differ from the defaults, host unit and data file. close() follows in any case. One thread.
     */
    gboolean (*open)(SinterImage *image, const SinterFormatOpen *how, GError **error);

    /*
     * Required. The run at @offset, which lies inside the disk: at most @len bytes, which also lie
     * inside it, of one kind, with host offsets that follow on each other. HOLE means that this
     * image holds nothing there; layer is 0. Any number of threads at once.
     */
    gboolean (*map)(SinterImage *image, guint64 offset, guint64 len, SinterExtent *ret,
                    GError **error);

    /* Undoes open(), one that failed too. One thread. */
    void (*close)(SinterImage *image);

    /*
     * Reads a range of a run that map() called COMPRESSED. Required where map() does. Runs of DATA
     * are read by the engine. Any number of threads at once.
     */
    gboolean (*read_compressed)(SinterImage *image, guint64 offset, void *buf, gsize len,
                                GError **error);

    /*
     * Reads compressed clusters as they are stored, so that they can be moved into an image of the
     * same format, cluster size and compression. Any number of threads at once.
     */
    gboolean (*read_streams)(SinterImage *image, SinterFormatStreams *streams, GError **error);

    /*
     * The exact length of the stream at @data, of at most @n bytes, which is decoded into @plain,
     * which has room for a cluster. Required with read_streams(). Any number of threads at once.
     */
    gboolean (*measure_stream)(SinterImage *image, const void *data, gsize n, void *plain,
                               gsize *ret_bytes, GError **error);

    /* Whether the image's metadata looks preallocated. Any thread. */
    gboolean (*is_preallocated)(SinterImage *image);

    /* Adds SinterSnapshotInfo or SinterBitmapInfo to @list, which frees them. Any thread. */
    gboolean (*list_snapshots)(SinterIo *io, GPtrArray *list, GError **error);
    gboolean (*list_bitmaps)(SinterIo *io, GPtrArray *list, GError **error);

    /* Fills @info, zeroed, from the LUKS header. Any thread. */
    gboolean (*read_luks)(SinterIo *io, SinterLuksInfo *info, GError **error);

    /* Examining. */

    /*
     * Examines the file, and puts what it finds into @result, which is new, by
     * sinter_check_result_add(). Any thread.
     */
    gboolean (*check)(SinterIo *io, const SinterCheckOptions *options, SinterCheckResult *result,
                      GError **error);

    /*
     * Mends what check() finds, as far as that can be done without loss. The file is open for
     * writing and locked. @result is filled as by check(), with what is left. Any thread.
     */
    gboolean (*repair)(const SinterFormatFile *file, const SinterCheckOptions *options,
                       SinterCheckResult *result, GError **error);

    /* Tells all metadata, as sinter_image_dump(). Any thread. */
    gboolean (*dump)(SinterIo *io, const SinterDumpVisitor *visitor, gpointer user_data,
                     GCancellable *cancellable, GError **error);

    /* Making. Any thread. */

    /*
     * Whether @options go together, before anything is made. Left out: whatever the engine can
     * make sense of is fine.
     */
    gboolean (*create_check)(const SinterCreateOptions *options, GError **error);

    /*
     * Writes an empty image into @io, which is empty or a block device, and sizes @data_io
     * (nullable), which is empty. Durable at the end; what makes the file an image of this format
     * is written last.
     */
    gboolean (*create)(SinterIo *io, SinterIo *data_io, const SinterCreateOptions *options,
                       GError **error);

    /* How much room an image would take. @ret is zeroed. */
    gboolean (*measure)(const SinterFormatMeasure *source, const SinterMeasureOptions *options,
                        SinterMeasure *ret, GError **error);

    /* Writing. Ranges lie inside the disk. Threads: see @threads, unless said otherwise. */

    /*
     * Opens the image for writing, and fills @ret, zeroed. Refuses what cannot be written safely.
     * Returns: the writer, or NULL with an error.
     */
    gpointer (*write_open)(const SinterFormatFile *file, const SinterFormatWrite *how,
                           SinterFormatTraits *ret, GError **error);

    /* The end of the work: all is durable, and nothing leaks. write_free() follows. */
    gboolean (*write_close)(gpointer writer, GError **error);

    /* Frees the writer; what was not flushed may be lost, and the image is sound. */
    void (*write_free)(gpointer writer);

    /* Reads what the guest would read, with what was written before. */
    gboolean (*write_read)(gpointer writer, guint64 offset, void *buf, gsize len, GError **error);

    gboolean (*write)(gpointer writer, guint64 offset, const void *buf, gsize len, GError **error);

    /* All that was written before is durable when this returns TRUE. */
    gboolean (*write_flush)(gpointer writer, GError **error);

    /* The range reads as zeros afterwards. Left out: zeros are written. */
    gboolean (*write_zero)(gpointer writer, guint64 offset, guint64 len, GError **error);

    /* What can be given back reads as zeros afterwards, the rest is as it was. Left out: nothing.
     */
    gboolean (*write_discard)(gpointer writer, guint64 offset, guint64 len, GError **error);

    /* Writes the bytes of @from, all of which are there. Left out: they are read and written. */
    gboolean (*write_copy)(gpointer writer, guint64 offset, SinterIo *from, guint64 from_offset,
                           guint64 len, GError **error);

    /*
     * Whether the image itself holds the first bytes of the range, whatever they are (zeros that it
     * says itself, too), and for how many that is so: at least 1. Left out: it holds everything.
     */
    gboolean (*write_holds)(gpointer writer, guint64 offset, guint64 len, gboolean *ret_held,
                            guint64 *ret_len, GError **error);

    /*
     * Where the front of the range goes in the data file. The engine writes the bytes there, and
     * then calls write_map(), or write_drop() where that failed. In between nobody else changes
     * that range. Left out: data is written by write() only. @ret is zeroed but for its offset.
     */
    gboolean (*write_place)(gpointer writer, guint64 offset, guint64 len, SinterFormatPlace *ret,
                            GError **error);
    /*
     * The bytes are there: they are what the guest sees from now on. Dropped on failure. This and
     * write_drop() are required where a place may be new.
     */
    gboolean (*write_map)(gpointer writer, const SinterFormatPlace *place, GError **error);
    /* The bytes are not there: a new place is given back. */
    void (*write_drop)(gpointer writer, const SinterFormatPlace *place);

    /*
     * Compresses @cluster, one whole cluster of the image, into @out, which has room for a cluster.
     * Returns: the stream's length, 0 where it gets no shorter. Any number of threads at once.
     */
    gsize (*compress)(gpointer writer, const guint8 *cluster, guint8 *out);

    /*
     * Makes @data, a stream of the image's own compression, the content of the whole cluster at
     * @offset. Bytes behind the stream do no harm.
     */
    gboolean (*write_stream)(gpointer writer, guint64 offset, const void *data, gsize n_bytes,
                             GError **error);

    /*
     * Gives the @n whole clusters at @offsets the bytes of @from, one after the other, by as few
     * copies as @from has runs for it: for files that share blocks.
     */
    gboolean (*write_adopt)(gpointer writer, const guint64 *offsets, guint64 n, SinterIo *from,
                            guint64 from_offset, GError **error);

    /*
     * An image will be put below this one: from now on zeros are stored in full, also where they
     * could be left out as long as nothing is below. Left out: they always are.
     */
    void (*write_store_zeros)(gpointer writer);

    /*
     * Makes the image hold nothing: the disk becomes what it stands on. Durable at the end. Left
     * out: the image cannot be emptied.
     */
    gboolean (*write_empty)(gpointer writer, GError **error);

    /*
     * Changes of metadata, of a file that is open for writing and locked. Durable at the end, and
     * whole at every moment before. A failure to open the image is wrapped by
     * sinter_error_wrap_open(). Any thread.
     */

    /* Another backing file: its name (NULL: none) and format (NULL: not stored), as stored. */
    gboolean (*relink)(SinterIo *io, const char *backing_name, const char *backing_format,
                       GError **error);
    gboolean (*snapshot)(const SinterFormatFile *file, const SinterFormatSnapshot *what,
                         GError **error);
    gboolean (*bitmaps)(const SinterFormatFile *file, SinterFormatBitmaps *what, GError **error);
    gboolean (*resize)(const SinterFormatFile *file, const SinterResizeOptions *what,
                       GError **error);
    gboolean (*amend)(const SinterFormatFile *file, const SinterAmendOptions *options,
                      SinterProgress *progress, GError **error);
} SinterFormat;

/**
 * sinter_format_register:
 * @format: the driver, which is copied; what it points to must stay
 *
 * Makes a format known. Before the first image is opened, from one thread. Drivers that were
 * registered are asked before qcow2 and raw when a file is probed, in the order of registration.
 *
 * Returns: %FALSE with INVALID_ARGUMENT where the API version or the structure's size is not one
 * that this library knows, a required member is missing, the name is known already, the findings'
 * codes are taken, or an image was opened before.
 */
gboolean sinter_format_register(const SinterFormat *format, GError **error);

/* (transfer none) (nullable): the driver of that name; it stays as long as the program. Any thread. */
const SinterFormat *sinter_format_lookup(const char *name);

/**
 * sinter_format_list:
 *
 * Any thread, once all formats are registered.
 *
 * Returns: (transfer container): the names of all formats, in the order of the alphabet, ended by
 * %NULL; free with g_free()
 */
const char **sinter_format_list(void);

/**
 * sinter_check_result_add:
 * @result: of the check that runs
 * @options: of the check: how many findings of a code are kept
 * @finding: its code is one of the driver's own, or one of those that all formats share; what it
 *   owns is taken
 *
 * For check(): counts the finding and, as long as there is room, keeps it. One thread.
 */
void sinter_check_result_add(SinterCheckResult *result, const SinterCheckOptions *options,
                             SinterFinding *finding);

G_END_DECLS
