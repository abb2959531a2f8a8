/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * SECTION:rescue
 *
 * Rescues what damaged metadata no longer refers to. The file is searched for tables and data that
 * nothing refers to, and their place on the guest's disk is found from evidence: what the clusters
 * contain (partition tables, file systems that name their own place), an orphaned L1 table, and the
 * order of allocation. Each result is a proposal with its reasons and a confidence.
 *
 * A proposal is certain only if content or a table proves it. What only the order of allocation
 * suggests is likely, and is applied only if the caller asks for that, too.
 *
 * Applying writes new tables beside the old ones, makes them durable, and switches to them with one
 * write of the first sector. Nothing that was found is overwritten or freed: clusters without a
 * place stay allocated.
 *
 * Units: sizes and offsets are bytes. Errors: #GError of the domain %SINTER_ERROR. Threads: a
 * rescue may run in any thread; a #SinterRescueResult is a plain value that belongs to its caller.
 */

#include <gio/gio.h>
#include <sinter/io.h>

G_BEGIN_DECLS

/* See sinter-progress.h. */
typedef struct _SinterProgress SinterProgress;

/**
 * SinterRescueConfidence:
 *
 * @SINTER_RESCUE_NONE: contradictory or no evidence; never applied
 * @SINTER_RESCUE_LIKELY: uncertain: the order of allocation, or a single piece of weak evidence
 * @SINTER_RESCUE_CERTAIN: proved by content that names its own place, or by a table
 */
typedef enum {
    SINTER_RESCUE_NONE,
    SINTER_RESCUE_LIKELY,
    SINTER_RESCUE_CERTAIN,
} SinterRescueConfidence;

/**
 * SinterRescueKind:
 *
 * @SINTER_RESCUE_HEADER: a new header is written
 * @SINTER_RESCUE_TABLE: an orphaned L2 table gets a place
 * @SINTER_RESCUE_DATA: a run of orphaned data clusters gets a place
 * @SINTER_RESCUE_ENTRY: a broken entry of an L2 table is replaced
 */
typedef enum {
    SINTER_RESCUE_HEADER,
    SINTER_RESCUE_TABLE,
    SINTER_RESCUE_DATA,
    SINTER_RESCUE_ENTRY,
} SinterRescueKind;

/**
 * SinterRescueStep:
 * @kind: what the step does
 * @confidence: how certain it is
 * @host_offset: offset in the image file of the table or of the first data cluster
 * @guest_offset: its offset on the guest's disk
 * @guest_bytes: guest data that becomes readable
 * @reasons: the evidence, as a clause
 */
typedef struct {
    SinterRescueKind kind;
    SinterRescueConfidence confidence;
    guint64 host_offset;
    guint64 guest_offset;
    guint64 guest_bytes;
    char *reasons;
} SinterRescueStep;

/* A range of the image file. */
typedef struct {
    guint64 offset;
    guint64 bytes;
} SinterRescueRange;

/* Reads the disk of the backing file, for drivers; FALSE with an error if that fails. */
typedef gboolean (*SinterRescueReadFunc)(guint64 offset, void *buf, gsize len, gpointer user_data,
                                         GError **error);

/**
 * SinterRescueOptions:
 * @apply: the lowest confidence of the steps to apply; %SINTER_RESCUE_NONE applies nothing and
 *   opens the file for reading
 * @cluster_bytes: size of a cluster, for an image whose header is lost; 0: from its tables
 * @virtual_bytes: size of the disk, for an image whose header is lost; 0: from the content
 * @backing_name: (nullable): backing file, for an image whose header is lost
 * @backing_format: (nullable): format of @backing_name
 * @has_no_backing: an image whose header is lost had no backing file
 * @read_backing: (nullable): reads the disk of the backing file, as evidence; %NULL:
 *   sinter_image_rescue() opens the backing file, if its format is stored or stated
 * @backing_data: for @read_backing
 * @backing_bytes: size of the disk of the backing file
 * @cancellable: (nullable): cancelling it ends the search with CANCELLED
 * @progress: (nullable): receives the progress, in the calling thread
 */
typedef struct {
    SinterRescueConfidence apply;
    guint64 cluster_bytes;
    guint64 virtual_bytes;
    const char *backing_name;
    const char *backing_format;
    gboolean has_no_backing;
    SinterRescueReadFunc read_backing;
    gpointer backing_data;
    guint64 backing_bytes;
    GCancellable *cancellable;
    SinterProgress *progress;
} SinterRescueOptions;

/**
 * SinterRescueResult:
 * @path: path of the image
 * @header_is_lost: whether the file has no valid header
 * @l1_is_lost: whether no entry of the active L1 table is valid
 * @applied: the lowest confidence of the steps that were applied; %SINTER_RESCUE_NONE: none
 * @cluster_bytes: size of a cluster
 * @virtual_bytes: size of the disk
 * @question: (nullable): what the caller must state before anything can be applied
 * @n_tables_intact: L2 tables that an intact L1 table refers to
 * @n_tables_lost: L1 entries whose table is damaged, or that are themselves; 0 if the L1 table is
 *   lost, because their number is then unknown
 * @n_tables_found: orphaned L2 tables
 * @n_tables_placed: of these, those with a place
 * @steps: (element-type SinterRescueStep): the proposals, ordered by guest offset
 * @unplaced: (element-type SinterRescueRange): data in the file without a place on the disk
 */
typedef struct {
    char *path;
    gboolean header_is_lost;
    gboolean l1_is_lost;
    SinterRescueConfidence applied;
    guint64 cluster_bytes;
    guint64 virtual_bytes;
    char *question;
    guint64 n_tables_intact;
    guint64 n_tables_lost;
    guint64 n_tables_found;
    guint64 n_tables_placed;
    GArray *steps;
    GArray *unplaced;
} SinterRescueResult;

/**
 * sinter_image_rescue:
 * @fs: (nullable): the set of files that @path is in; %NULL for the host's files
 * @path: the image
 * @format: (nullable): its format; %NULL probes the content, which fails if the header is lost
 * @options: (nullable): see #SinterRescueOptions; %NULL only searches
 *
 * Opens @path, locks it, searches it, and applies the proposals that @options allow.
 *
 * Returns: (transfer full): the result. %NULL with UNSUPPORTED if the format has no rescue, or the
 * image has a feature with which it is not possible; with another error if the image could not be
 * read or written, or was locked. After an error the image reads as before.
 */
SinterRescueResult *sinter_image_rescue(SinterFs *fs, const char *path, const char *format,
                                        const SinterRescueOptions *options, GError **error);

/* Returns the guest data of all steps of @confidence and above. */
guint64 sinter_rescue_result_guest_bytes(const SinterRescueResult *result,
                                         SinterRescueConfidence confidence);

/**
 * sinter_rescue_result_extract:
 * @result: a result
 * @fs: (nullable): the set of files that the image is in
 * @folder: an existing folder
 *
 * Copies the data without a place into files in @folder, one for each range, named by the offset
 * in the image ("host-0000000000050000"). Existing files are not replaced.
 *
 * Returns: whether all of it was copied, durably.
 */
gboolean sinter_rescue_result_extract(const SinterRescueResult *result, SinterFs *fs,
                                      const char *folder, GError **error);

/* Frees the result and its content. Accepts %NULL. */
void sinter_rescue_result_free(SinterRescueResult *result);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SinterRescueResult, sinter_rescue_result_free)

/* "none", "likely", "certain". */
const char *sinter_rescue_confidence_name(SinterRescueConfidence confidence);
/* "header", "l2-table", "data", "l2-entry". */
const char *sinter_rescue_kind_name(SinterRescueKind kind);

G_END_DECLS
