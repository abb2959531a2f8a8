/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * SECTION:loss
 *
 * Why a range of a disk cannot be read, or why what was read may be wrong: one table of causes.
 *
 * Names of causes are stable: scripts may rely on them. Causes that a check also finds have the
 * name of its finding.
 *
 * Units: bytes. Errors: none. Threads: all functions may be called from any thread.
 */

#include <glib.h>
#include <sinter/chain.h>

G_BEGIN_DECLS

/* SINTER_LOSSES: the table. X(CODE, name, text); the text completes "the range is lost: …". */
#define SINTER_LOSSES(X)                                                                           \
    X(NONE, "none", "nothing is wrong")                                                            \
    /* files */                                                                                    \
    X(BACKING_MISSING, "backing-file-missing", "the backing file cannot be opened")                \
    X(BACKING_NAME, "backing-name-damaged",                                                        \
      "the name of the backing file in the header is damaged")                                     \
    X(DATA_FILE_MISSING, "data-file-missing", "the data file cannot be opened")                    \
    X(ENCRYPTED, "encrypted", "the image is encrypted, and its key is not available")              \
    /* mapping */                                                                                  \
    X(MAPPING, "mapping-damaged", "the mapping is damaged")                                        \
    X(L1_BEYOND_FILE, "l1-table-beyond-file", "the L1 table is missing or too short here")         \
    X(L1_READ, "l1-table-read-error", "the L1 table cannot be read here")                          \
    X(L1_RESERVED, "l1-entry-reserved-bits", "the L1 entry has reserved bits set")                 \
    X(L1_UNALIGNED, "l1-entry-unaligned", "the L1 entry is not aligned to a cluster")              \
    X(L1_ENTRY_BEYOND, "l1-entry-beyond-file", "the L1 entry points beyond the end of the file")   \
    X(L1_EMPTY, "l1-entry-empty", "the L1 entry has the flag COPIED, but points to no table")      \
    X(L1_METADATA, "l1-entry-metadata", "the L1 entry points to other metadata")                   \
    X(L2_SHARED, "l2-table-shared", "several L1 entries point to the same L2 table")               \
    X(L2_READ, "l2-table-read-error", "the L2 table cannot be read here")                          \
    X(L2_TRUNCATED, "l2-table-truncated", "the file ends inside the L2 table")                     \
    X(L2_GARBAGE, "l2-table-damaged", "most entries of the L2 table are invalid")                  \
    X(L2_RESERVED, "l2-entry-reserved-bits", "the L2 entry has reserved bits set")                 \
    X(L2_ZERO_BIT, "l2-entry-zero-bit", "the L2 entry has a zero flag that the image cannot have") \
    X(L2_UNALIGNED, "l2-entry-unaligned", "the L2 entry is not aligned to a cluster")              \
    X(L2_ENTRY_BEYOND, "l2-entry-beyond-file", "the L2 entry points beyond the end of the file")   \
    X(L2_EMPTY, "l2-entry-empty", "the L2 entry has the flag COPIED, but points to no cluster")    \
    X(L2_METADATA, "l2-entry-metadata", "the L2 entry points to metadata")                         \
    X(L2_SUBCLUSTERS, "l2-subcluster-conflict",                                                    \
      "the subclusters of the L2 entry contradict "                                                \
      "each other")                                                                                \
    X(L2_MISPLACED, "l2-data-file-misplaced", "the L2 entry does not fit the data file")           \
    X(COMPRESSED_BEYOND, "l2-compressed-beyond-file",                                              \
      "the compressed cluster is beyond the end of the file")                                      \
    X(CLUSTER_SHARED, "cluster-shared",                                                            \
      "the cluster has another owner, too: other data or "                                         \
      "metadata")                                                                                  \
    /* content */                                                                                  \
    X(TRUNCATED, "data-beyond-file", "the file ends before the data")                              \
    X(UNDECODABLE, "compressed-undecodable", "the compressed cluster cannot be decoded")           \
    X(READ_ERROR, "read-error", "the storage reports a read error")                                \
    X(SHORT_READ, "short-read", "the storage returned fewer bytes than the file holds")

/**
 * SinterLoss:
 *
 * A cause of %SINTER_LOSSES. %SINTER_LOSS_NONE: nothing is wrong.
 */
typedef enum {
#define X(code, name, text) SINTER_LOSS_##code,
    SINTER_LOSSES(X)
#undef X
        SINTER_N_LOSSES
} SinterLoss;

/**
 * SinterFormatSalvage:
 * @extent: as map() reports it; only its offset and length are valid if the range is lost
 * @loss: %SINTER_LOSS_NONE, or what is wrong with the mapping of the range
 * @doubtful: with a @loss: the range can be read as @extent states, but the content may be wrong.
 *   Otherwise it is lost
 * @place: offset in the image file of the damaged entry or table; 0 if there is none
 * @errnum: errno of a failed read of a table, otherwise 0
 *
 * A range of a damaged image.
 */
typedef struct {
    SinterExtent extent;
    SinterLoss loss;
    gboolean doubtful;
    guint64 place;
    int errnum;
} SinterFormatSalvage;

/* The stable name: "l2-entry-beyond-file". */
const char *sinter_loss_name(SinterLoss loss);

/* The cause as a clause of text. */
const char *sinter_loss_describe(SinterLoss loss);

/* Returns whether another attempt may succeed: the storage failed, not the content. */
gboolean sinter_loss_is_transient(SinterLoss loss);

G_END_DECLS
