/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * SECTION:check
 *
 * Examines an image without changing it. A damaged image is a success with findings; an error
 * means that the check could not run.
 *
 * Each cluster of the file is visited once, and work and memory are bounded by the space that the
 * file takes, whatever its header claims. Nothing but the image itself is opened: neither its
 * backing file nor its data file.
 *
 * Units: sizes and offsets are bytes, clusters and findings are counted. Errors: #GError of the
 * domain %SINTER_ERROR. Threads: a check may run in any thread and uses some of its own; a
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
 * @SINTER_CHECK_KEEP_GOING: what cannot be read becomes a finding, an unknown feature too, and
 *   the rest is examined as far as it can be understood. Without it both are errors.
 * @SINTER_CHECK_NO_OWNERS: do not seek out who refers to the clusters in the findings
 * @SINTER_CHECK_SNAPSHOT_STATS: count what each snapshot shares with the active disk
 * @SINTER_CHECK_NO_LOCK: neither take nor respect image locks (`-U`); findings about an image
 *   that is being written mean little
 */
typedef enum {
    SINTER_CHECK_DEFAULT = 0,
    SINTER_CHECK_DEEP = 1 << 0,
    SINTER_CHECK_KEEP_GOING = 1 << 1,
    SINTER_CHECK_NO_OWNERS = 1 << 2,
    SINTER_CHECK_SNAPSHOT_STATS = 1 << 3,
    SINTER_CHECK_NO_LOCK = 1 << 4,
} SinterCheckFlags;

/* How many findings of a code are kept where the caller does not say; all are counted. */
#define SINTER_CHECK_MAX_PER_CODE 100

/**
 * SinterCheckOptions:
 * @flags: see there
 * @max_per_code: how many findings of each code to keep; 0 for %SINTER_CHECK_MAX_PER_CODE
 * @n_threads: for decoding; 0 for as many as there are processors
 * @deadline_usec: a time of g_get_monotonic_time() at which to give up with TIMED_OUT; 0: none
 * @cancellable: (nullable): cancelling it gives up with CANCELLED
 * @progress: (nullable): told from the thread that calls
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
 * Findings, by class. One finding may count several times: an entry in a table that several
 * snapshots use counts once for each, as with `qemu-img check`.
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
 * What an image keeps space for.
 *
 * @SINTER_ALLOCATION_NONE: nothing is mapped
 * @SINTER_ALLOCATION_SPARSE: some guest clusters
 * @SINTER_ALLOCATION_METADATA: all guest clusters, and the file takes less space than their data
 *   would
 * @SINTER_ALLOCATION_FULL: all guest clusters, with space behind them
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
 * @clusters: guest clusters that the snapshot has host space for
 * @shared_clusters: of these, how many the active disk has at the same guest offset in the same
 *   place
 * @added_clusters: guest clusters of the active disk that are not where the snapshot has them:
 *   what was written since
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
 * What the check counted on its way. "Clusters" of guest data are those of the active disk.
 *
 * @file_bytes: of the file
 * @allocated_bytes: host space that the file takes
 * @virtual_bytes: of the disk
 * @cluster_bytes: a cluster's
 * @total_clusters: that the disk has
 * @allocated_clusters: that have host space
 * @compressed_clusters: of these, compressed
 * @fragmented_clusters: of these, not behind their predecessor in the file
 * @zero_clusters: that read as zeros by a flag, whether they keep host space or not
 * @image_end_offset: where the last cluster in use ends
 * @l1_entries: of the active L1 table
 * @l1_used: of these, in use
 * @l2_tables: different ones, of the disk and all snapshots
 * @refcount_table_entries: places in the refcount table
 * @refcount_blocks: in use
 * @host_clusters: of the file
 * @host_used: of these, with references
 * @metadata_clusters: of these, with metadata
 * @allocation: what the image keeps space for
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
 * @code: of findings
 * @found: how many of them there are
 * @kept: how many of these the findings that were kept stand for
 */
typedef struct {
    SinterFindingCode code;
    guint64 found;
    guint64 kept;
} SinterCheckCodeCount;

/**
 * SinterCheckResult:
 * @path: of the image
 * @format: of the image
 * @trouble: (nullable): what keeps the image from being used at all ("Unsupported qcow2 version
 *   4"); %NULL where it can be opened
 * @complete: whether all could be examined. Where it was not, leaks and references that are too
 *   few say little.
 * @leaks_are_safe: whether what counts as leaked is garbage for sure. It is not while entries are
 *   damaged that may have led to it: what could be recovered would be freed.
 * @counts: all findings
 * @qemu_counts: of these, the ones that `qemu-img check` counts
 * @per_code: all findings of each code that the formats share
 * @format_codes: (element-type SinterCheckCodeCount): likewise of codes that a format brings; see
 *   sinter_check_result_count_codes()
 * @findings: (element-type SinterFinding): those that were kept, by code and place
 * @stats: what was counted
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
 * @fs: (nullable): where @path is; %NULL for the host's files
 * @path: the image
 * @format: (nullable): its format; %NULL probes the content
 * @options: (nullable): %NULL is all zero
 *
 * Opens @path for reading, locks it against writers and examines it.
 *
 * Returns: (transfer full): what was found. %NULL with UNSUPPORTED where the format knows no
 * check (see sinter_format_has_check()) or the image has features that we do not know; with
 * another error where it could not be read, was locked, or the check was stopped.
 */
SinterCheckResult *sinter_image_check(SinterFs *fs, const char *path, const char *format,
                                      const SinterCheckOptions *options, GError **error);

/* As sinter_image_check() for a file that is open already. It takes the image lock. */
SinterCheckResult *sinter_image_check_io(SinterIo *io, const char *format,
                                         const SinterCheckOptions *options, GError **error);

/**
 * sinter_chain_check:
 * @path: the top image
 * @format: (nullable): its format
 * @probe: whether a member whose format is not stored may be told by its content
 *
 * Checks @path and each image below it. A member that cannot be found, a loop and the like are
 * findings of the image that names it, and end the walk; a member whose format knows no check is
 * left out.
 *
 * Returns: (transfer full) (element-type SinterCheckResult): top first. Fails only where the
 * check of a member could not run.
 */
GPtrArray *sinter_chain_check(SinterFs *fs, const char *path, const char *format, gboolean probe,
                              const SinterCheckOptions *options, GError **error);

/* Whether images of the format of that name can be checked; FALSE for a name that is none. */
gboolean sinter_format_has_check(const char *format);

/**
 * sinter_check_result_count_codes:
 *
 * Returns: (transfer full) (element-type SinterCheckCodeCount): of each code that was found, in the
 * order of codes, how often; free with g_array_unref().
 */
GArray *sinter_check_result_count_codes(const SinterCheckResult *result);

/* With all that it holds. Accepts %NULL. */
void sinter_check_result_free(SinterCheckResult *result);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SinterCheckResult, sinter_check_result_free)

G_END_DECLS
