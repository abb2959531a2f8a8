/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The passes over dirty bitmaps and the LUKS header: clusters that no guest offset refers to.
 * Damage of a bitmap never affects guest data.
 */

#include "qcow2-check-pass.h"
#include "sinter-error.h"

#include <string.h>

/* The number of bytes checked after a bitmap's last bit. */
#define TAIL_BYTES 4096

/* A bitmap with tail bits is still as good. */
static void
note_bad(SinterQcow2Check *self, SinterFindingCode code, const SinterQcow2Bitmap *bitmap)
{
    if (sinter_finding_code_class(code) == SINTER_FINDING_CORRUPTION &&
        code != SINTER_FINDING_BITMAP_TAIL_BITS)
        g_hash_table_add(self->bad_bitmaps, (gpointer)bitmap);
}

static void
report(SinterQcow2Check *self, SinterFindingCode code, const SinterQcow2Bitmap *bitmap,
       guint64 host, guint64 seen, guint64 expected)
{
    SinterFinding finding = {
        .code = code,
        .guest_offset = SINTER_OFFSET_NONE,
        .host_offset = host,
        .seen = seen,
        .expected = expected,
        .detail = g_strdup_printf("'%s'", bitmap->name),
    };

    note_bad(self, code, bitmap);
    sinter_tally_add(&self->tally, &finding);
}

static void
report_directory(SinterQcow2Check *self, const char *what)
{
    SinterFinding finding = { .code = SINTER_FINDING_BITMAP_DIRECTORY_DAMAGED,
                              .guest_offset = SINTER_OFFSET_NONE,
                              .host_offset = self->header->bitmap_directory_offset,
                              .detail = g_strdup(what) };

    sinter_tally_add(&self->tally, &finding);
}

/* --- the directory --- */

/* A damaged directory is a finding; only an unreadable one is an error. */
static gboolean
load_directory(SinterQcow2Check *self, GError **error)
{
    g_autoptr(GError) cause = NULL;

    self->bitmaps = sinter_qcow2_bitmaps_load(self->io, self->header, &cause);
    if (self->bitmaps)
        return TRUE;
    if (g_error_matches(cause, SINTER_ERROR, SINTER_ERROR_CORRUPT)) {
        report_directory(self, cause->message);
        self->result->complete = FALSE;
        return TRUE;
    }
    if (sinter_qcow2_check_keeps_going(self, cause, self->header->bitmap_directory_offset))
        return TRUE;
    g_propagate_error(error, g_steal_pointer(&cause));
    return FALSE;
}

static guint64
table_entries_needed(const SinterQcow2Check *self, const SinterQcow2Bitmap *bitmap)
{
    guint64 size = self->header->virtual_size_bytes;
    guint64 bits = (size >> bitmap->granularity_bits) +
                   ((size & ((G_GUINT64_CONSTANT(1) << bitmap->granularity_bits) - 1)) != 0);

    return sinter_qcow2_geometry_clusters(&self->geo, bits / 8 + (bits % 8 != 0));
}

static gboolean
granularity_is_sane(const SinterQcow2Bitmap *bitmap)
{
    return bitmap->granularity_bits >= SINTER_QCOW2_BITMAP_GRANULARITY_MIN &&
           bitmap->granularity_bits <= SINTER_QCOW2_BITMAP_GRANULARITY_MAX;
}

static void
check_entry(SinterQcow2Check *self, const SinterQcow2Bitmap *bitmap)
{
    guint64 at = bitmap->entry_offset;
    guint32 unknown = bitmap->flags & ~SINTER_QCOW2_BITMAP_FLAGS_KNOWN;

    if (bitmap->type != SINTER_QCOW2_BITMAP_TYPE_DIRTY)
        report(self, SINTER_FINDING_BITMAP_TYPE, bitmap, at, bitmap->type,
               SINTER_QCOW2_BITMAP_TYPE_DIRTY);
    if (unknown)
        report(self, SINTER_FINDING_BITMAP_FLAGS, bitmap, at, unknown, 0);
    if (bitmap->extra && !(bitmap->flags & SINTER_QCOW2_BITMAP_EXTRA_COMPATIBLE))
        report(self, SINTER_FINDING_BITMAP_EXTRA, bitmap, at, g_bytes_get_size(bitmap->extra), 0);
    if (bitmap->flags & SINTER_QCOW2_BITMAP_IN_USE)
        report(self, SINTER_FINDING_BITMAP_IN_USE, bitmap, at, bitmap->flags, 0);
    if (*bitmap->name == '\0')
        report_directory(self, "a bitmap has no name");
    if (!granularity_is_sane(bitmap))
        report(self, SINTER_FINDING_BITMAP_GRANULARITY, bitmap, at, bitmap->granularity_bits, 0);
    else if (!(bitmap->flags & SINTER_QCOW2_BITMAP_IN_USE) &&
             bitmap->table_entries != table_entries_needed(self, bitmap))
        report(self, SINTER_FINDING_BITMAP_TABLE_SIZE, bitmap, at, bitmap->table_entries,
               table_entries_needed(self, bitmap));
}

static void
check_directory(SinterQcow2Check *self)
{
    g_autoptr(GHashTable) names = g_hash_table_new(g_str_hash, g_str_equal);
    const SinterQcow2Header *header = self->header;
    guint64 end = header->bitmap_directory_offset;

    if (sinter_qcow2_check_fits(self, header->bitmap_directory_offset,
                                header->bitmap_directory_bytes))
        sinter_qcow2_check_count(self, header->bitmap_directory_offset,
                                 header->bitmap_directory_bytes, 1, SINTER_QCOW2_USE_METADATA, 0);
    for (guint i = 0; i < self->bitmaps->len; i++) {
        const SinterQcow2Bitmap *bitmap = g_ptr_array_index(self->bitmaps, i);

        check_entry(self, bitmap);
        end = MAX(end, bitmap->entry_offset + bitmap->entry_bytes);
        if (!g_hash_table_add(names, bitmap->name))
            report(self, SINTER_FINDING_BITMAP_NAME_TWICE, bitmap, bitmap->entry_offset, 0, 0);
    }
    end = (end + 7) & ~G_GUINT64_CONSTANT(7);
    if (end < header->bitmap_directory_offset + header->bitmap_directory_bytes)
        report_directory(self, "it has more bitmaps than the header counts");
}

/* --- the tables --- */

static gboolean
table_is_placed(const SinterQcow2Check *self, const SinterQcow2Bitmap *bitmap)
{
    return bitmap->table_offset != 0 &&
           (bitmap->table_offset & (self->geo.cluster_size - 1)) == 0 &&
           bitmap->table_offset <= G_MAXINT64;
}

/* QEMU reports only tables beyond the end of the file by a cluster or more. */
static void
report_table_beyond(SinterQcow2Check *self, const SinterQcow2Bitmap *bitmap)
{
    SinterFinding finding = { .code = SINTER_FINDING_BITMAP_TABLE_BEYOND_FILE,
                              .guest_offset = SINTER_OFFSET_NONE,
                              .host_offset = bitmap->table_offset,
                              .detail = g_strdup_printf("'%s'", bitmap->name) };

    note_bad(self, finding.code, bitmap);
    sinter_tally_add_as(
        &self->tally, &finding,
        !sinter_qcow2_check_fits(self, bitmap->table_offset, (guint64)bitmap->table_entries * 8));
}

/* Counts the tables' own clusters; returns the parts of them that can be read. */
static GArray *
list_segments(SinterQcow2Check *self)
{
    g_autoptr(GArray) whole = g_array_new(FALSE, FALSE, sizeof(SinterQcow2Span));
    g_autoptr(GArray) there = g_array_new(FALSE, FALSE, sizeof(SinterQcow2Span));

    for (guint i = 0; i < self->bitmaps->len; i++) {
        const SinterQcow2Bitmap *bitmap = g_ptr_array_index(self->bitmaps, i);
        guint64 bytes = (guint64)bitmap->table_entries * 8;
        SinterQcow2Span span = { bitmap->table_offset, bitmap->table_offset + bytes, i };

        if (!table_is_placed(self, bitmap)) {
            report(self, SINTER_FINDING_BITMAP_TABLE_UNALIGNED, bitmap, span.start, 0, 0);
            continue;
        }
        if (bytes == 0 || bitmap->table_entries > SINTER_QCOW2_BITMAP_TABLE_MAX_ENTRIES)
            continue;
        if (sinter_qcow2_check_fits(self, span.start, bytes))
            g_array_append_val(whole, span);
        if (span.end > self->stat.size_bytes)
            report_table_beyond(self, bitmap);
        span.end = MIN(span.end, (self->stat.size_bytes + 7) & ~G_GUINT64_CONSTANT(7));
        if (span.start < span.end)
            g_array_append_val(there, span);
    }
    sinter_qcow2_check_count_spans(self, whole);
    return sinter_qcow2_spans_sweep(there);
}

static void
check_table_entry(SinterQcow2Check *self, const SinterQcow2Bitmap *bitmap, guint64 entry,
                  guint64 index, guint64 n_claims)
{
    guint64 offset = entry & SINTER_QCOW2_OFFSET_MASK;

    if ((entry & SINTER_QCOW2_BITMAP_TABLE_RESERVED) ||
        (offset != 0 && (entry & SINTER_QCOW2_BITMAP_TABLE_ALL_ONES)))
        report(self, SINTER_FINDING_BITMAP_ENTRY_RESERVED_BITS, bitmap, offset, entry, index);
    if (offset & (self->geo.cluster_size - 1))
        report(self, SINTER_FINDING_BITMAP_ENTRY_UNALIGNED, bitmap, offset, entry, index);
    else if (offset != 0 && !sinter_qcow2_check_fits(self, offset, self->geo.cluster_size))
        report(self, SINTER_FINDING_BITMAP_ENTRY_BEYOND_FILE, bitmap, offset, entry, index);
    else if (offset != 0)
        sinter_qcow2_check_count(self, offset, self->geo.cluster_size, n_claims,
                                 SINTER_QCOW2_USE_METADATA, 0);
}

static gboolean
walk_piece(guint index, guint64 at, const guint8 *data, gsize len, gpointer user_data,
           GError **error)
{
    SinterQcow2Check *self = user_data;
    const SinterQcow2Segment *segment =
        &g_array_index(self->bitmap_segments, SinterQcow2Segment, index);
    const SinterQcow2Bitmap *bitmap = g_ptr_array_index(self->bitmaps, segment->id);
    guint64 first = (segment->start + at - bitmap->table_offset) / 8;

    for (gsize i = 0; i < len / 8; i++) {
        guint64 entry = sinter_be64_load(data + i * 8);

        if (entry != 0)
            check_table_entry(self, bitmap, entry, first + i, segment->n_claims);
    }
    return TRUE;
}

/* --- the bits behind the last one --- */

static gboolean
any_bit_from(const guint8 *data, gsize len, guint first_bit)
{
    if (len > 0 && (data[0] >> first_bit) != 0)
        return TRUE;
    for (gsize i = 1; i < len; i++) {
        if (data[i] != 0)
            return TRUE;
    }
    return FALSE;
}

static gboolean
check_tail(SinterQcow2Check *self, const SinterQcow2Bitmap *bitmap, GError **error)
{
    guint8 tail[TAIL_BYTES];
    guint8 raw[8];
    guint64 size = self->header->virtual_size_bytes;
    guint64 granularity = G_GUINT64_CONSTANT(1) << bitmap->granularity_bits;
    guint64 bits = size / granularity + (size % granularity != 0);
    guint64 n_entries = table_entries_needed(self, bitmap);
    guint64 byte = bits / 8 - ((n_entries - 1) << self->geo.cluster_bits);
    gsize len = (gsize)MIN(self->geo.cluster_size - byte, TAIL_BYTES);
    guint64 entry;

    if (!sinter_qcow2_check_read(self, bitmap->table_offset + (n_entries - 1) * 8, raw, sizeof raw,
                                 error))
        return FALSE;
    entry = sinter_be64_load(raw);
    if ((entry & ~SINTER_QCOW2_OFFSET_MASK) != 0 || (entry & (self->geo.cluster_size - 1)) != 0 ||
        entry == 0 || len == 0)
        return TRUE;
    if (!sinter_qcow2_check_read(self, entry + byte, tail, len, error))
        return FALSE;
    if (any_bit_from(tail, len, (guint)(bits % 8)))
        report(self, SINTER_FINDING_BITMAP_TAIL_BITS, bitmap, entry + byte, granularity, 0);
    return TRUE;
}

static gboolean
check_tails(SinterQcow2Check *self, GError **error)
{
    SinterQcow2Reader reader = sinter_qcow2_check_reader(self, 0);

    for (guint i = 0; i < self->bitmaps->len; i++) {
        const SinterQcow2Bitmap *bitmap = g_ptr_array_index(self->bitmaps, i);
        g_autoptr(GError) failed = NULL;

        if (!granularity_is_sane(bitmap) || !table_is_placed(self, bitmap) ||
            self->header->virtual_size_bytes == 0 ||
            (bitmap->flags & SINTER_QCOW2_BITMAP_IN_USE) != 0 ||
            bitmap->table_entries != table_entries_needed(self, bitmap))
            continue;
        if (!sinter_qcow2_reader_go_on(&reader, error))
            return FALSE;
        if (check_tail(self, bitmap, &failed) ||
            sinter_qcow2_check_keeps_going(self, failed, bitmap->table_offset))
            continue;
        g_propagate_error(error, g_steal_pointer(&failed));
        return FALSE;
    }
    return TRUE;
}

gboolean
sinter_qcow2_check_bitmaps(SinterQcow2Check *self, GError **error)
{
    if (!self->bitmaps_usable)
        return TRUE;
    if (!load_directory(self, error))
        return FALSE;
    if (!self->bitmaps)
        return TRUE;
    check_directory(self);
    self->bitmap_segments = list_segments(self);
    return sinter_qcow2_check_walk_segments(self, self->bitmap_segments, walk_piece, self, error) &&
           check_tails(self, error);
}

/* --- LUKS --- */

static gboolean
check_luks_magic(SinterQcow2Check *self, GError **error)
{
    static const guint8 magic[] = { 'L', 'U', 'K', 'S', 0xba, 0xbe };
    guint64 offset = self->header->luks_offset;
    guint8 start[sizeof magic];
    SinterFinding finding = { .code = SINTER_FINDING_LUKS_MAGIC,
                              .guest_offset = SINTER_OFFSET_NONE,
                              .host_offset = offset };

    if (!sinter_qcow2_check_read(self, offset, start, sizeof start, error))
        return FALSE;
    if (memcmp(start, magic, sizeof magic) != 0)
        sinter_tally_add(&self->tally, &finding);
    return TRUE;
}

static void
report_luks_beyond(SinterQcow2Check *self, gboolean qemu_counts)
{
    SinterFinding finding = {
        .code = SINTER_FINDING_HEADER_LUKS_BOUNDS,
        .guest_offset = SINTER_OFFSET_NONE,
        .host_offset = self->header->luks_offset,
        .detail = g_strdup_printf("The LUKS header of %" G_GUINT64_FORMAT
                                  " bytes at 0x%" G_GINT64_MODIFIER
                                  "x extends beyond the end of the file",
                                  self->header->luks_bytes, self->header->luks_offset),
    };

    sinter_tally_add_as(&self->tally, &finding, qemu_counts);
}

gboolean
sinter_qcow2_check_luks(SinterQcow2Check *self, GError **error)
{
    guint64 offset = self->header->luks_offset;
    guint64 bytes = self->header->luks_bytes;
    gboolean fits = sinter_qcow2_check_fits(self, offset, bytes);
    g_autoptr(GError) failed = NULL;

    if (!self->luks_usable)
        return TRUE;
    if (fits)
        sinter_qcow2_check_count(self, offset, bytes, 1, SINTER_QCOW2_USE_METADATA, 0);
    if (offset > self->stat.size_bytes || bytes > self->stat.size_bytes - offset)
        report_luks_beyond(self, !fits);
    if (!fits || check_luks_magic(self, &failed) ||
        sinter_qcow2_check_keeps_going(self, failed, offset))
        return TRUE;
    g_propagate_error(error, g_steal_pointer(&failed));
    return FALSE;
}
