/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Sorts the result of a check into one kind of damage. Invariant: each code belongs to one kind; a
 * code that the table does not list belongs to the kind that its stake and its class imply.
 */

#include "sinter/check.h"

static const struct {
    const char *name;
    const char *text;
} kinds[SINTER_N_CHECK_KINDS] = {
#define X(code, name, text) [SINTER_CHECK_KIND_##code] = { name, text },
    SINTER_CHECK_KINDS(X)
#undef X
};

/* Codes of the common table, by subject: from one to another of them. */
static const struct {
    SinterFindingCode first;
    SinterFindingCode last;
    SinterCheckKind kind;
} subjects[] = {
    { SINTER_FINDING_IMAGE_DIRTY, SINTER_FINDING_IMAGE_DIRTY, SINTER_CHECK_KIND_DIRTY },
    { SINTER_FINDING_IMAGE_CORRUPT, SINTER_FINDING_IMAGE_CORRUPT, SINTER_CHECK_KIND_MARKED },
    { SINTER_FINDING_CHAIN_MEMBER_MISSING, SINTER_FINDING_CHAIN_TOO_DEEP, SINTER_CHECK_KIND_CHAIN },
    { SINTER_FINDING_HEADER_REFTABLE_SIZE, SINTER_FINDING_HEADER_REFTABLE_BEYOND,
      SINTER_CHECK_KIND_REFCOUNTS },
    { SINTER_FINDING_HEADER_SNAPSHOTS_COUNT, SINTER_FINDING_HEADER_SNAPSHOTS_BEYOND,
      SINTER_CHECK_KIND_SNAPSHOTS },
    { SINTER_FINDING_HEADER_BITMAPS_STALE, SINTER_FINDING_HEADER_BITMAPS_BOUNDS,
      SINTER_CHECK_KIND_BITMAPS },
    { SINTER_FINDING_HEADER_DATA_FILE_SNAPSHOTS, SINTER_FINDING_HEADER_DATA_FILE_SNAPSHOTS,
      SINTER_CHECK_KIND_SNAPSHOTS },
    { SINTER_FINDING_HEADER_SHORT_FILE, SINTER_FINDING_HEADER_DATA_FILE_RAW,
      SINTER_CHECK_KIND_HEADER },
    { SINTER_FINDING_LUKS_MAGIC, SINTER_FINDING_LUKS_MAGIC, SINTER_CHECK_KIND_HEADER },
    { SINTER_FINDING_L1_COPIED_FALSE, SINTER_FINDING_L1_COPIED_MISSING, SINTER_CHECK_KIND_COPIED },
    { SINTER_FINDING_L2_COPIED_FALSE, SINTER_FINDING_L2_COMPRESSED_COPIED,
      SINTER_CHECK_KIND_COPIED },
    { SINTER_FINDING_L1_TABLE_BEYOND_FILE, SINTER_FINDING_METADATA_OVERLAP,
      SINTER_CHECK_KIND_MAPPING },
    { SINTER_FINDING_REFCOUNT_TOO_LOW, SINTER_FINDING_REFBLOCK_SHARED,
      SINTER_CHECK_KIND_REFCOUNTS },
    { SINTER_FINDING_SNAPSHOT_TABLE_DAMAGED, SINTER_FINDING_SNAPSHOT_NAME_TWICE,
      SINTER_CHECK_KIND_SNAPSHOTS },
    { SINTER_FINDING_BITMAP_DIRECTORY_DAMAGED, SINTER_FINDING_BITMAP_TAIL_BITS,
      SINTER_CHECK_KIND_BITMAPS },
    { SINTER_FINDING_COMPRESSED_UNDECODABLE, SINTER_FINDING_COMPRESSED_UNDECODABLE,
      SINTER_CHECK_KIND_CONTENT },
    { SINTER_FINDING_LOST_TABLE, SINTER_FINDING_LEAKS_KEPT, SINTER_CHECK_KIND_MAPPING },
};

static SinterCheckKind
kind_of_subject(SinterFindingCode code)
{
    for (gsize i = 0; i < G_N_ELEMENTS(subjects); i++) {
        if (code >= subjects[i].first && code <= subjects[i].last)
            return subjects[i].kind;
    }
    return SINTER_CHECK_KIND_OTHER;
}

static SinterCheckKind
kind_of_code(SinterFindingCode code)
{
    SinterCheckKind kind = kind_of_subject(code);

    switch (sinter_finding_code_class(code)) {
    case SINTER_FINDING_LEAK:
        return SINTER_CHECK_KIND_LEAKS;
    case SINTER_FINDING_ERROR:
        return kind == SINTER_CHECK_KIND_CHAIN ? kind : SINTER_CHECK_KIND_UNKNOWN;
    case SINTER_FINDING_NOTE:
        /* the state of an image; other notes are not damage */
        return kind == SINTER_CHECK_KIND_DIRTY || kind == SINTER_CHECK_KIND_MARKED
                   ? kind
                   : SINTER_CHECK_KIND_SOUND;
    default:
        return kind;
    }
}

SinterCheckKind
sinter_check_result_get_kind(const SinterCheckResult *result)
{
    g_autoptr(GArray) counts = sinter_check_result_count_codes(result);
    SinterCheckKind worst = SINTER_CHECK_KIND_SOUND;

    for (guint i = 0; i < counts->len; i++) {
        SinterCheckKind kind = kind_of_code(g_array_index(counts, SinterCheckCodeCount, i).code);

        worst = MAX(worst, kind);
    }
    return worst;
}

const char *
sinter_check_kind_name(SinterCheckKind kind)
{
    g_return_val_if_fail(kind < SINTER_N_CHECK_KINDS, NULL);
    return kinds[kind].name;
}

const char *
sinter_check_kind_describe(SinterCheckKind kind)
{
    g_return_val_if_fail(kind < SINTER_N_CHECK_KINDS, NULL);
    return kinds[kind].text;
}
