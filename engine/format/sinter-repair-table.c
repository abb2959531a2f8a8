/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The tables of repairs: which pass repairs a kind of finding, when, and what may be lost; and what
 * the passes are. Invariant: every code of the table of findings has a row.
 */

#include "sinter-repair-table.h"

typedef struct {
    gboolean is_listed;
    SinterRepairPass pass;
    SinterRepairWhen when;
    SinterRepairSafety safety;
} Repair;

#define ROW(code, pass, when, safety)                                                              \
    [SINTER_FINDING_##                                                                             \
        code] = { TRUE, SINTER_REPAIR_PASS_##pass, SINTER_REPAIR_##when, SINTER_REPAIR_##safety }
#define NOT(code)                                                                                  \
    [SINTER_FINDING_##code] = { TRUE, SINTER_REPAIR_PASS_NONE, SINTER_REPAIR_NEVER,                \
                                SINTER_REPAIR_LOSES_NOTHING }

static const Repair repairs[SINTER_FINDING_N_CODES] = {
    NOT(HEADER_SHORT_FILE),
    NOT(HEADER_VERSION),
    NOT(HEADER_CLUSTER_BITS),
    NOT(HEADER_LENGTH),
    NOT(HEADER_LENGTH_ALIGNMENT),
    NOT(HEADER_REFCOUNT_ORDER),
    NOT(HEADER_CRYPT_METHOD),
    NOT(HEADER_UNKNOWN_FEATURES),
    NOT(HEADER_UNKNOWN_AUTOCLEAR),
    NOT(HEADER_EXTENDED_L2_CLUSTER),
    NOT(HEADER_COMPRESSION_TYPE),
    NOT(HEADER_COMPRESSION_BIT),
    NOT(HEADER_VIRTUAL_SIZE),
    NOT(HEADER_L1_SIZE),
    NOT(HEADER_L1_SHORT),
    NOT(HEADER_L1_OFFSET),
    ROW(HEADER_REFTABLE_SIZE, REFCOUNT_STRUCTURE, WITH_ALL, LOSES_NOTHING),
    ROW(HEADER_REFTABLE_OFFSET, REFCOUNT_STRUCTURE, WITH_ALL, LOSES_NOTHING),
    ROW(HEADER_REFTABLE_BEYOND, REFCOUNT_STRUCTURE, WITH_ALL, LOSES_NOTHING),
    NOT(HEADER_SNAPSHOTS_COUNT),
    NOT(HEADER_SNAPSHOTS_OFFSET),
    NOT(HEADER_SNAPSHOTS_BEYOND),
    NOT(HEADER_BACKING_OFFSET),
    NOT(HEADER_BACKING_LENGTH),
    NOT(HEADER_BACKING_NAME),
    NOT(HEADER_EXTENSION_BOUNDS),
    NOT(HEADER_EXTENSION_TWICE),
    NOT(HEADER_EXTENSION_CONTENT),
    NOT(HEADER_FEATURE_TABLE),
    NOT(HEADER_BITMAPS_STALE),
    NOT(HEADER_BITMAPS_MISSING),
    NOT(HEADER_BITMAPS_BOUNDS),
    NOT(HEADER_LUKS_MISSING),
    NOT(HEADER_LUKS_BOUNDS),
    NOT(HEADER_DATA_FILE_NAME),
    NOT(HEADER_DATA_FILE_STALE),
    NOT(HEADER_DATA_FILE_RAW),
    NOT(HEADER_DATA_FILE_SNAPSHOTS),
    ROW(IMAGE_DIRTY, STATE, WITH_LEAKS, LOSES_NOTHING),
    ROW(IMAGE_CORRUPT, STATE, WITH_LEAKS, LOSES_NOTHING),
    NOT(LEGACY_ENCRYPTION),
    NOT(READ_ERROR),
    NOT(L1_TABLE_BEYOND_FILE),
    NOT(L1_ENTRY_RESERVED_BITS),
    NOT(L1_ENTRY_UNALIGNED),
    NOT(L1_ENTRY_BEYOND_FILE),
    NOT(L1_ENTRY_EMPTY),
    ROW(L1_COPIED_FALSE, FLAGS, WITH_ALL, LOSES_NOTHING),
    ROW(L1_COPIED_MISSING, FLAGS, WITH_ALL, LOSES_NOTHING),
    NOT(L2_TABLE_SHARED),
    NOT(L2_ENTRY_RESERVED_BITS),
    NOT(L2_ENTRY_ZERO_BIT),
    NOT(L2_ENTRY_UNALIGNED),
    NOT(L2_ENTRY_BEYOND_FILE),
    NOT(L2_ENTRY_EMPTY),
    ROW(L2_COPIED_FALSE, FLAGS, WITH_ALL, LOSES_NOTHING),
    ROW(L2_COPIED_MISSING, FLAGS, WITH_ALL, LOSES_NOTHING),
    NOT(L2_COMPRESSED_COPIED),
    NOT(L2_COMPRESSED_BEYOND_FILE),
    NOT(L2_COMPRESSED_BITMAP),
    NOT(L2_COMPRESSED_DATA_FILE),
    NOT(L2_SUBCLUSTER_CONFLICT),
    NOT(L2_SUBCLUSTER_UNALLOCATED),
    NOT(L2_DATA_FILE_MISPLACED),
    NOT(CLUSTER_SHARED),
    NOT(METADATA_OVERLAP),
    ROW(REFCOUNT_TOO_LOW, REFCOUNTS, WITH_ALL, LOSES_NOTHING),
    ROW(REFCOUNT_TOO_HIGH, LEAKS, WITH_LEAKS, LOSES_NOTHING),
    ROW(CLUSTER_LEAKED, LEAKS, WITH_LEAKS, LOSES_NOTHING),
    ROW(REFCOUNT_OVERFLOW, REFCOUNT_STRUCTURE, WITH_ALL, LOSES_NOTHING),
    NOT(REFCOUNT_BEYOND_FILE),
    ROW(REFCOUNT_UNKNOWN, REFCOUNT_STRUCTURE, WITH_ALL, LOSES_NOTHING),
    ROW(REFTABLE_BEYOND_FILE, REFCOUNT_STRUCTURE, WITH_ALL, LOSES_NOTHING),
    ROW(REFTABLE_ENTRY_RESERVED_BITS, REFCOUNT_STRUCTURE, WITH_ALL, LOSES_NOTHING),
    ROW(REFTABLE_ENTRY_UNALIGNED, REFCOUNT_STRUCTURE, WITH_ALL, LOSES_NOTHING),
    ROW(REFTABLE_ENTRY_BEYOND_FILE, REFCOUNT_STRUCTURE, WITH_ALL, LOSES_NOTHING),
    ROW(REFBLOCK_SHARED, REFCOUNT_STRUCTURE, WITH_ALL, LOSES_NOTHING),
    NOT(SNAPSHOT_TABLE_DAMAGED),
    NOT(SNAPSHOT_EXTRA_SHORT),
    NOT(SNAPSHOT_ENTRY_EMPTY),
    NOT(SNAPSHOT_L1_UNALIGNED),
    NOT(SNAPSHOT_L1_LARGE),
    NOT(SNAPSHOT_L1_SHORT),
    NOT(SNAPSHOT_L1_BEYOND_FILE),
    NOT(SNAPSHOT_DISK_SIZE_ZERO),
    NOT(SNAPSHOT_ID_TWICE),
    NOT(SNAPSHOT_NAME_TWICE),
    NOT(BITMAP_DIRECTORY_DAMAGED),
    NOT(BITMAP_NAME_TWICE),
    NOT(BITMAP_TYPE),
    NOT(BITMAP_GRANULARITY),
    NOT(BITMAP_FLAGS),
    NOT(BITMAP_EXTRA),
    NOT(BITMAP_IN_USE),
    NOT(BITMAP_TABLE_SIZE),
    NOT(BITMAP_TABLE_UNALIGNED),
    NOT(BITMAP_TABLE_BEYOND_FILE),
    NOT(BITMAP_ENTRY_RESERVED_BITS),
    NOT(BITMAP_ENTRY_UNALIGNED),
    NOT(BITMAP_ENTRY_BEYOND_FILE),
    NOT(BITMAP_TAIL_BITS),
    NOT(LUKS_MAGIC),
    NOT(COMPRESSED_UNDECODABLE),
    NOT(CHAIN_MEMBER_MISSING),
    NOT(CHAIN_LOOP),
    NOT(CHAIN_TOO_DEEP),
    NOT(BACKING_FORMAT_MISSING),
    NOT(BACKING_FORMAT_DOUBTFUL),
};

static const struct {
    const char *name;
    guint after;
    const char *text;
} passes[] = {
#define X(id, name, after, text) { name, after, text },
    SINTER_REPAIR_PASSES(X)
#undef X
};

static const char *const safety_names[] = { "nothing", "metadata", "guest-data" };
static const char *const state_names[] = { "done", "planned", "left" };

const char *
sinter_repair_pass_name(SinterRepairPass pass)
{
    return pass < SINTER_REPAIR_N_PASSES ? passes[pass].name : NULL;
}

const char *
sinter_repair_pass_describe(SinterRepairPass pass)
{
    return pass < SINTER_REPAIR_N_PASSES ? passes[pass].text : NULL;
}

guint
sinter_repair_pass_after(SinterRepairPass pass)
{
    return pass < SINTER_REPAIR_N_PASSES ? passes[pass].after : 0;
}

gboolean
sinter_repair_is_listed(SinterFindingCode code)
{
    return code < SINTER_FINDING_N_CODES && repairs[code].is_listed;
}

/* Findings of other formats than qcow2 have no repair. */
SinterRepairPass
sinter_repair_code_pass(SinterFindingCode code)
{
    return code < SINTER_FINDING_N_CODES ? repairs[code].pass : SINTER_REPAIR_PASS_NONE;
}

SinterRepairWhen
sinter_repair_code_when(SinterFindingCode code)
{
    return code < SINTER_FINDING_N_CODES ? repairs[code].when : SINTER_REPAIR_NEVER;
}

SinterRepairSafety
sinter_repair_code_safety(SinterFindingCode code)
{
    return code < SINTER_FINDING_N_CODES ? repairs[code].safety : SINTER_REPAIR_LOSES_NOTHING;
}

const char *
sinter_repair_safety_name(SinterRepairSafety safety)
{
    return safety_names[safety];
}

const char *
sinter_repair_state_name(SinterRepairState state)
{
    return state_names[state];
}
