/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * SECTION:check
 *
 * Checks an image without changing it. For a damaged image the check succeeds with findings; an
 * error means that the check could not run.
 *
 * Each cluster of the file is visited once, and work and memory are bounded by the allocated size
 * of the file, regardless of its header. Only the image itself is opened, not its backing file or
 * data file.
 *
 * Units: sizes and offsets are bytes; clusters and findings are counts. Errors: #GError of the
 * domain %SINTER_ERROR. Threads: a check may run in any thread and starts threads of its own; a
 * #SinterCheckResult is a plain value that belongs to its caller.
 */

#include <gio/gio.h>
#include <sinter/finding.h>
#include <sinter/io.h>

G_BEGIN_DECLS

/* See sinter-progress.h. */
typedef struct _SinterProgress SinterProgress;

/**
 * SinterCheckFlags:
 *
 * @SINTER_CHECK_DEEP: decode every compressed cluster
 * @SINTER_CHECK_KEEP_GOING: unreadable parts and unknown features become findings, and the rest is
 *   checked as far as possible. Without this flag both are errors.
 * @SINTER_CHECK_NO_OWNERS: do not search for the owners of the clusters in the findings
 * @SINTER_CHECK_SNAPSHOT_STATS: count the clusters that each snapshot shares with the active disk
 * @SINTER_CHECK_NO_LOCK: neither take nor respect image locks (`-U`); findings about an image that
 *   is being written are unreliable
 * @SINTER_CHECK_ALL_LEAKS: examine the content of all leaked clusters, and of those whose refcount
 *   is unknown, for lost tables, not only of the first 4096 leaked ones
 */
typedef enum {
    SINTER_CHECK_DEFAULT = 0,
    SINTER_CHECK_DEEP = 1 << 0,
    SINTER_CHECK_KEEP_GOING = 1 << 1,
    SINTER_CHECK_NO_OWNERS = 1 << 2,
    SINTER_CHECK_SNAPSHOT_STATS = 1 << 3,
    SINTER_CHECK_NO_LOCK = 1 << 4,
    SINTER_CHECK_ALL_LEAKS = 1 << 5,
} SinterCheckFlags;

/* Default for the number of findings kept per code; all findings are counted. */
#define SINTER_CHECK_MAX_PER_CODE 100

/**
 * SinterCheckOptions:
 * @flags: see #SinterCheckFlags
 * @max_per_code: maximum number of findings to keep per code; 0 for %SINTER_CHECK_MAX_PER_CODE
 * @n_threads: number of threads for decoding; 0 for the number of processors
 * @deadline_usec: a time on the clock of g_get_monotonic_time() at which the check ends with
 *   TIMED_OUT; 0 for none
 * @cancellable: (nullable): cancelling it ends the check with CANCELLED
 * @progress: (nullable): receives the progress, in the calling thread
 */
typedef struct {
    SinterCheckFlags flags;
    guint max_per_code;
    guint n_threads;
    gint64 deadline_usec;
    GCancellable *cancellable;
    SinterProgress *progress;
} SinterCheckOptions;

/**
 * SinterCheckCounts:
 *
 * Number of findings per class. One finding may count several times: an entry of a table that
 * several snapshots use counts once for each, as in `qemu-img check`.
 */
typedef struct {
    guint64 corruptions;
    guint64 leaks;
    guint64 errors;
    guint64 notes;
} SinterCheckCounts;

/**
 * SinterAllocation:
 *
 * How much of the disk an image has allocated.
 *
 * @SINTER_ALLOCATION_NONE: nothing is mapped
 * @SINTER_ALLOCATION_SPARSE: some guest clusters are mapped
 * @SINTER_ALLOCATION_METADATA: all guest clusters are mapped, but the file takes less space than
 *   their data
 * @SINTER_ALLOCATION_FULL: all guest clusters are mapped and have host space
 */
typedef enum {
    SINTER_ALLOCATION_NONE,
    SINTER_ALLOCATION_SPARSE,
    SINTER_ALLOCATION_METADATA,
    SINTER_ALLOCATION_FULL,
} SinterAllocation;

/**
 * SinterSnapshotStats:
 * @id: as stored
 * @name: as stored
 * @clusters: guest clusters for which the snapshot has host space
 * @shared_clusters: of these, the number that the active disk maps at the same guest offset to the
 *   same host cluster
 * @added_clusters: guest clusters that the active disk maps to another host cluster than the
 *   snapshot: those written since
 */
typedef struct {
    char *id;
    char *name;
    guint64 clusters;
    guint64 shared_clusters;
    guint64 added_clusters;
} SinterSnapshotStats;

/**
 * SinterImageStats:
 *
 * Statistics from the check. "Clusters" of guest data are those of the active disk.
 *
 * @file_bytes: size of the file
 * @allocated_bytes: host space that the file takes
 * @virtual_bytes: size of the disk
 * @cluster_bytes: size of a cluster
 * @total_clusters: clusters of the disk
 * @allocated_clusters: clusters that have host space
 * @compressed_clusters: of these, the compressed ones
 * @fragmented_clusters: of these, those that do not follow their predecessor in the file
 * @zero_clusters: clusters that have the zero flag, with or without host space
 * @image_end_offset: end of the last cluster in use
 * @l1_entries: entries of the active L1 table
 * @l1_used: of these, in use
 * @l2_tables: distinct L2 tables, of the disk and all snapshots
 * @refcount_table_entries: entries of the refcount table
 * @refcount_blocks: refcount blocks in use
 * @host_clusters: clusters of the file
 * @host_used: of these, with references
 * @metadata_clusters: of these, those that hold metadata
 * @allocation: how much of the disk is allocated
 * @snapshots: (element-type SinterSnapshotStats): with %SINTER_CHECK_SNAPSHOT_STATS, else empty
 */
typedef struct {
    guint64 file_bytes;
    guint64 allocated_bytes;
    guint64 virtual_bytes;
    guint64 cluster_bytes;
    guint64 total_clusters;
    guint64 allocated_clusters;
    guint64 compressed_clusters;
    guint64 fragmented_clusters;
    guint64 zero_clusters;
    guint64 image_end_offset;
    guint64 l1_entries;
    guint64 l1_used;
    guint64 l2_tables;
    guint64 refcount_table_entries;
    guint64 refcount_blocks;
    guint64 host_clusters;
    guint64 host_used;
    guint64 metadata_clusters;
    SinterAllocation allocation;
    GPtrArray *snapshots;
} SinterImageStats;

/**
 * SinterCheckCodeCount:
 * @code: code of the findings
 * @found: number of findings of that code
 * @kept: number of these that the kept findings represent
 */
typedef struct {
    SinterFindingCode code;
    guint64 found;
    guint64 kept;
} SinterCheckCodeCount;

/**
 * SinterCheckResult:
 * @path: path of the image
 * @format: format of the image
 * @trouble: (nullable): the problem that makes the image unusable ("Unsupported qcow2 version 4");
 *   %NULL if it can be opened
 * @complete: whether everything could be checked. If not, findings about leaks and missing
 *   references are unreliable.
 * @leaks_are_safe: whether leaked clusters are certainly unused. They are not if damaged
 *   entries or lost tables may have referred to them: freeing them would destroy recoverable data.
 * @counts: all findings
 * @qemu_counts: of these, those that `qemu-img check` counts
 * @per_code: number of findings of each common code
 * @format_codes: (element-type SinterCheckCodeCount): likewise for codes of the format's own; see
 *   sinter_check_result_count_codes()
 * @findings: (element-type SinterFinding): the findings kept, ordered by code and offset
 * @stats: statistics
 */
typedef struct {
    char *path;
    char *format;
    char *trouble;
    gboolean complete;
    gboolean leaks_are_safe;
    SinterCheckCounts counts;
    SinterCheckCounts qemu_counts;
    guint64 per_code[SINTER_FINDING_N_CODES];
    GArray *format_codes;
    GArray *findings;
    SinterImageStats stats;
} SinterCheckResult;

/**
 * sinter_image_check:
 * @fs: (nullable): the set of files that @path is in; %NULL for the host's files
 * @path: the image
 * @format: (nullable): its format; %NULL probes the content
 * @options: (nullable): %NULL for all defaults (zero)
 *
 * Opens @path for reading, locks it against writers and checks it.
 *
 * Returns: (transfer full): the result. %NULL with UNSUPPORTED if the format has no check (see
 * sinter_format_has_check()) or the image has unknown features; with another error if the image
 * could not be read, was locked, or the check was stopped.
 */
SinterCheckResult *sinter_image_check(SinterFs *fs, const char *path, const char *format,
                                      const SinterCheckOptions *options, GError **error);

/* Like sinter_image_check(), for an open file. Takes the image lock. */
SinterCheckResult *sinter_image_check_io(SinterIo *io, const char *format,
                                         const SinterCheckOptions *options, GError **error);

/**
 * sinter_chain_check:
 * @path: the top image
 * @format: (nullable): its format
 * @probe: whether a member whose format is not stored may be probed
 *
 * Checks @path and each image of its backing chain. A missing member, a loop and similar problems
 * are findings of the image that refers to the member, and end the walk; a member whose format has
 * no check is skipped.
 *
 * Returns: (transfer full) (element-type SinterCheckResult): the top image first. Fails only if the
 * check of a member could not run.
 */
GPtrArray *sinter_chain_check(SinterFs *fs, const char *path, const char *format, gboolean probe,
                              const SinterCheckOptions *options, GError **error);

/* Returns whether images of that format can be checked; FALSE for an unknown name. */
gboolean sinter_format_has_check(const char *format);

/**
 * sinter_check_result_count_codes:
 *
 * Returns: (transfer full) (element-type SinterCheckCodeCount): the number of findings of each code
 * found, in the order of codes; free with g_array_unref().
 */
GArray *sinter_check_result_count_codes(const SinterCheckResult *result);

/*
 * SINTER_CHECK_KINDS: kinds of damage, from the least to the worst. X(CODE, name, text). Names are
 * stable.
 */
#define SINTER_CHECK_KINDS(X)                                                                      \
    X(SOUND, "sound", "no damage and no leaks")                                                    \
    X(LEAKS, "leaks", "leaked clusters only")                                                      \
    X(DIRTY, "dirty", "not closed cleanly, otherwise sound or with leaks")                         \
    X(MARKED, "marked-corrupt", "marked as corrupt, but no damage was found")                      \
    X(COPIED, "copied-flags", "flags COPIED that do not match the reference counts")               \
    X(BITMAPS, "bitmaps", "damaged dirty bitmaps")                                                 \
    X(SNAPSHOTS, "snapshots", "damaged internal snapshots")                                        \
    X(REFCOUNTS, "refcounts", "wrong reference counts, or damage to their structures")             \
    X(CONTENT, "content", "compressed clusters that cannot be decoded")                            \
    X(OTHER, "other", "damage that belongs to no other kind")                                      \
    X(MAPPING, "mapping", "damage to the mapping: guest data is lost or wrong")                    \
    X(HEADER, "header", "damage to the header")                                                    \
    X(CHAIN, "chain", "the backing chain cannot be opened completely, or loops")                   \
    X(UNKNOWN, "not-checked", "something could not be checked")

/**
 * SinterCheckKind:
 *
 * A kind of %SINTER_CHECK_KINDS. A larger value is worse.
 */
typedef enum {
#define X(code, name, text) SINTER_CHECK_KIND_##code,
    SINTER_CHECK_KINDS(X)
#undef X
        SINTER_N_CHECK_KINDS
} SinterCheckKind;

/* The worst kind of damage that the check found. */
SinterCheckKind sinter_check_result_get_kind(const SinterCheckResult *result);

/* The stable name, and the kind as a clause of text. */
const char *sinter_check_kind_name(SinterCheckKind kind);
const char *sinter_check_kind_describe(SinterCheckKind kind);

/* Frees the result and its content. Accepts %NULL. */
void sinter_check_result_free(SinterCheckResult *result);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SinterCheckResult, sinter_check_result_free)

G_END_DECLS
