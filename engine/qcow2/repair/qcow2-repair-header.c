/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The pass over single fields of the header: the place and the length of the L1 table, and the
 * compression type. Invariant: a field changes only if what it refers to suggests the new value,
 * and a check finds no damage with it: with a wrong cluster size everything looks wrong. All fields
 * are in the first sector, which is written as a whole.
 */

#include "qcow2-repair-round.h"
#include "io/sinter-io-head.h"
#include "qcow2/layout/qcow2-table-judge.h"
#include "qcow2/read/qcow2-decompress.h"

/* Compressed clusters that are decoded to find the type. */
#define MAX_DECODED 16

static const SinterFindingCode codes[] = {
    SINTER_FINDING_HEADER_L1_OFFSET,
    SINTER_FINDING_HEADER_L1_SHORT,
    SINTER_FINDING_HEADER_COMPRESSION_BIT,
};

static gboolean
any_field_is_wrong(const SinterCheckResult *checked)
{
    for (gsize i = 0; i < G_N_ELEMENTS(codes); i++) {
        if (checked->per_code[codes[i]] > 0)
            return TRUE;
    }
    return FALSE;
}

/* A dry run shows both values; all fields are written together. */
static void
add_step(SinterQcow2Round *self, SinterFindingCode code, guint64 old_value, guint64 new_value,
         gboolean is_right)
{
    SinterRepairStep step = {
        .code = code,
        .guest_offset = SINTER_OFFSET_NONE,
        .host_offset = SINTER_OFFSET_NONE,
        .old_value = old_value,
        .new_value = new_value,
    };

    if (self->checked->per_code[code] == 0)
        return;
    step.evidence = g_strdup("with this value the image is sound");
    if (!is_right)
        step.reason = g_strdup("no value was found with which the image is sound; 'sinter-img "
                               "rescue' searches for tables and data");
    sinter_repair_plan_add(&self->plan, &step);
}

static void
add_steps(SinterQcow2Round *self, gboolean is_right)
{
    const SinterQcow2Header *header = self->check->header;

    add_step(self, SINTER_FINDING_HEADER_L1_OFFSET, header->l1_offset, self->root.l1_offset,
             is_right);
    add_step(self, SINTER_FINDING_HEADER_L1_SHORT, header->l1_entries, self->root.l1_entries,
             is_right);
    add_step(self, SINTER_FINDING_HEADER_COMPRESSION_BIT, header->compression_type,
             self->compression_type, is_right);
}

/* --- the L1 table --- */

/* Returns whether the entry is empty or refers to an L2 table. */
static gboolean
is_l1_entry(SinterQcow2Round *self, guint64 entry, guint8 *buf)
{
    SinterQcow2Check *check = self->check;
    guint64 offset = entry & SINTER_QCOW2_OFFSET_MASK;
    SinterQcow2TableJudgement judgement;

    if (entry == 0)
        return TRUE;
    if ((entry & SINTER_QCOW2_L1_RESERVED) || offset == 0 ||
        (offset & (check->geo.cluster_size - 1)) != 0 ||
        !sinter_qcow2_check_is_in_file(check, offset, check->geo.cluster_size) ||
        !sinter_qcow2_check_read(check, offset, buf, check->geo.cluster_size, NULL))
        return FALSE;
    judgement = sinter_qcow2_judge_table(
        &check->geo, sinter_qcow2_geometry_clusters(&check->geo, check->stat.size_bytes), buf);
    return sinter_qcow2_judgement_is_intact(&judgement);
}

/* Returns whether @n entries at @offset, at least one of them not empty, can be those of an L1
 * table. */
static gboolean
is_l1_table(SinterQcow2Round *self, guint64 offset, guint64 n, gboolean may_be_empty)
{
    g_autofree guint8 *table = g_malloc0(n * 8 + 8);
    g_autofree guint8 *buf = g_malloc(self->check->geo.cluster_size);
    gboolean is_empty = TRUE;

    if (!sinter_qcow2_check_is_in_file(self->check, offset, n * 8) ||
        !sinter_qcow2_check_read(self->check, offset, table, (gsize)n * 8, NULL))
        return FALSE;
    for (guint64 i = 0; i < n; i++) {
        guint64 entry = sinter_be64_load(table + i * 8);

        is_empty = is_empty && entry == 0;
        if (!is_l1_entry(self, entry, buf))
            return FALSE;
    }
    return !is_empty || may_be_empty;
}

static void
propose_l1_offset(SinterQcow2Round *self)
{
    const SinterQcow2Header *header = self->check->header;
    guint64 aligned = header->l1_offset & ~(guint64)(self->check->geo.cluster_size - 1);

    if (self->checked->per_code[SINTER_FINDING_HEADER_L1_OFFSET] > 0 && aligned != 0 &&
        header->l1_entries <= SINTER_QCOW2_L1_MAX_BYTES / 8 &&
        is_l1_table(self, aligned, header->l1_entries, FALSE))
        self->root.l1_offset = aligned;
}

/* Returns whether the clusters that a longer table would reach are not in use otherwise. */
static gboolean
is_unused(const SinterQcow2Round *self, guint64 from, guint64 to)
{
    guint bits = self->check->geo.cluster_bits;

    for (guint64 cluster = (from + self->check->geo.cluster_size - 1) >> bits;
         cluster <= (to - 1) >> bits; cluster++) {
        if (sinter_qcow2_refcount_map_get_refs(self->check->map, cluster) > 0)
            return FALSE;
    }
    return TRUE;
}

static void
propose_l1_size(SinterQcow2Round *self)
{
    const SinterQcow2Header *header = self->check->header;
    guint64 n = sinter_qcow2_geometry_l1_entries(&self->check->geo, header->virtual_size_bytes);
    guint64 from = self->root.l1_offset + (guint64)header->l1_entries * 8;

    if (self->checked->per_code[SINTER_FINDING_HEADER_L1_SHORT] > 0 &&
        n <= SINTER_QCOW2_L1_MAX_BYTES / 8 && self->root.l1_offset != 0 &&
        is_unused(self, from, self->root.l1_offset + n * 8) &&
        is_l1_table(self, from, n - header->l1_entries, TRUE))
        self->root.l1_entries = (guint32)n;
}

/* --- the compression type --- */

typedef struct {
    SinterQcow2Check *check;
    guint n;            /* clusters that were decoded */
    guint n_decoded[2]; /* as which type */
} Votes;

static gboolean
vote(const SinterQcow2CheckTable *table, guint64 guest, guint64 entry, gpointer user_data,
     GError **error)
{
    Votes *self = user_data;
    SinterQcow2Check *check = self->check;
    SinterQcow2CompressedRef ref =
        sinter_qcow2_l2_compressed(&check->geo, entry & ~SINTER_QCOW2_COPIED);
    g_autofree guint8 *stream = NULL;
    g_autofree guint8 *cluster = NULL;

    if (self->n == MAX_DECODED ||
        !sinter_qcow2_check_is_in_file(check, ref.host_offset, ref.host_bytes))
        return TRUE;
    stream = g_malloc((gsize)ref.host_bytes);
    cluster = g_malloc(check->geo.cluster_size);
    if (!sinter_qcow2_check_read(check, ref.host_offset, stream, (gsize)ref.host_bytes, error))
        return FALSE;
    self->n++;
    for (guint8 type = 0; type < G_N_ELEMENTS(self->n_decoded); type++)
        self->n_decoded[type] += sinter_qcow2_decompress(type, stream, (gsize)ref.host_bytes,
                                                         cluster, check->geo.cluster_size, NULL);
    return TRUE;
}

static gboolean
propose_compression(SinterQcow2Round *self, GError **error)
{
    Votes votes = { .check = self->check };
    guint8 type = self->check->header->compression_type;

    if (self->checked->per_code[SINTER_FINDING_HEADER_COMPRESSION_BIT] == 0)
        return TRUE;
    if (!sinter_qcow2_check_walk_entries(self->check, SINTER_QCOW2_COMPRESSED, vote, &votes, error))
        return FALSE;
    if (votes.n > 0)
        type = votes.n_decoded[1] == votes.n;
    if (type >= G_N_ELEMENTS(votes.n_decoded) || votes.n_decoded[type] != votes.n ||
        (votes.n > 0 && votes.n_decoded[!type] > 0))
        return TRUE;
    self->compression_type = type;
    self->root.incompatible &= ~SINTER_QCOW2_INCOMPAT_COMPRESSION;
    self->root.incompatible |= type ? SINTER_QCOW2_INCOMPAT_COMPRESSION : 0;
    return TRUE;
}

/* --- the pass --- */

static gboolean
load_sector(SinterQcow2Round *self, guint8 *sector, GError **error)
{
    const SinterQcow2Header *header = self->check->header;

    if (!sinter_io_read(self->io, 0, sector, SINTER_QCOW2_ROOT_BYTES, error))
        return FALSE;
    sinter_qcow2_root_store(&self->root, header->version, sector);
    if (header->version >= 3 && header->header_bytes > SINTER_QCOW2_AT_COMPRESSION_TYPE)
        sector[SINTER_QCOW2_AT_COMPRESSION_TYPE] = self->compression_type;
    return TRUE;
}

/* Sets @ret to whether a check finds no damage with the new fields. */
static gboolean
try_fields(SinterQcow2Round *self, gboolean *ret, GError **error)
{
    guint8 sector[SINTER_QCOW2_ROOT_BYTES];
    SinterQcow2Round trial = { 0 };
    g_autoptr(SinterIo) io = NULL;
    gboolean ok = load_sector(self, sector, error);

    io = ok ? sinter_io_head_new(self->io, sector, sizeof sector) : NULL;
    ok = ok && sinter_qcow2_round_begin(&trial, io, self->options, error);
    *ret = ok && trial.checked->counts.corruptions == 0 && trial.checked->counts.errors == 0;
    sinter_qcow2_round_end(&trial);
    return ok;
}

gboolean
sinter_qcow2_header_plan(SinterQcow2Round *self, GError **error)
{
    gboolean is_right = FALSE;

    self->root = sinter_qcow2_root_of(self->check->header);
    self->compression_type = self->check->header->compression_type;
    if (!any_field_is_wrong(self->checked))
        return TRUE;
    propose_l1_offset(self);
    propose_l1_size(self);
    if (!propose_compression(self, error) || !try_fields(self, &is_right, error))
        return FALSE;
    add_steps(self, is_right);
    return TRUE;
}

gboolean
sinter_qcow2_header_run(SinterQcow2Round *self, GError **error)
{
    guint8 sector[SINTER_QCOW2_ROOT_BYTES];

    return load_sector(self, sector, error) &&
           sinter_io_write(self->io, 0, sector, sizeof sector, error) &&
           sinter_io_flush(self->io, error);
}
