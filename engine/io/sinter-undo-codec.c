/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The parts of an undo file in memory: header, batches and their entries. Invariant: what is
 * decoded lies inside its payload, on whole pages, and below the largest offset of a file.
 */

#include "sinter-undo-codec.h"
#include "sinter-error.h"

#include <string.h>

guint64
sinter_undo_load64(const guint8 *at)
{
    guint64 raw;

    memcpy(&raw, at, sizeof raw);
    return GUINT64_FROM_BE(raw);
}

void
sinter_undo_store64(guint8 *at, guint64 value)
{
    guint64 raw = GUINT64_TO_BE(value);

    memcpy(at, &raw, sizeof raw);
}

static guint32
load32(const guint8 *at)
{
    guint32 raw;

    memcpy(&raw, at, sizeof raw);
    return GUINT32_FROM_BE(raw);
}

static void
store32(guint8 *at, guint32 value)
{
    guint32 raw = GUINT32_TO_BE(value);

    memcpy(at, &raw, sizeof raw);
}

static void
sum_of(const guint8 *a, gsize a_len, const guint8 *b, gsize b_len, guint8 *ret)
{
    GChecksum *checksum = g_checksum_new(G_CHECKSUM_SHA256);
    gsize len = SINTER_UNDO_SUM_BYTES;

    g_checksum_update(checksum, a, (gssize)a_len);
    g_checksum_update(checksum, b, (gssize)b_len);
    g_checksum_get_digest(checksum, ret, &len);
    g_checksum_free(checksum);
}

void
sinter_undo_sum(const void *data, gsize len, guint8 *ret)
{
    sum_of(data, len, (const guint8 *)"", 0, ret);
}

void
sinter_undo_digest(const guint8 *unit, guint8 *ret)
{
    guint8 sum[SINTER_UNDO_SUM_BYTES];

    sinter_undo_sum(unit, SINTER_UNDO_UNIT_BYTES, sum);
    memcpy(ret, sum, SINTER_UNDO_DIGEST_BYTES);
}

gboolean
sinter_undo_is_zero(const guint8 *data, gsize len)
{
    return len == 0 || (data[0] == 0 && memcmp(data, data + 1, len - 1) == 0);
}

void
sinter_undo_header_clear(SinterUndoHeader *self)
{
    g_clear_pointer(&self->operation, g_free);
    g_clear_pointer(&self->image_path, g_free);
}

static void
store_text(guint8 *buf, gsize at_length, gsize at, const char *text, gsize max)
{
    gsize len = MIN(strlen(text), max);

    store32(buf + at_length, (guint32)len);
    memcpy(buf + at, text, len);
}

void
sinter_undo_header_store(const SinterUndoHeader *self, guint8 *buf)
{
    memset(buf, 0, SINTER_UNDO_HEADER_BYTES);
    memcpy(buf, SINTER_UNDO_MAGIC, SINTER_UNDO_MAGIC_BYTES);
    store32(buf + SINTER_UNDO_AT_VERSION, SINTER_UNDO_VERSION);
    store32(buf + SINTER_UNDO_AT_HEADER_BYTES, SINTER_UNDO_HEADER_BYTES);
    sinter_undo_store64(buf + SINTER_UNDO_AT_IMAGE_BYTES, self->image_bytes);
    sinter_undo_store64(buf + SINTER_UNDO_AT_DEVICE, self->device);
    sinter_undo_store64(buf + SINTER_UNDO_AT_INODE, self->inode);
    store32(buf + SINTER_UNDO_AT_FLAGS, self->flags);
    store32(buf + SINTER_UNDO_AT_HEAD_BYTES, self->head_bytes);
    sinter_undo_store64(buf + SINTER_UNDO_AT_DATE, (guint64)self->date_usec);
    memcpy(buf + SINTER_UNDO_AT_HEAD_SUM, self->head_sum, SINTER_UNDO_SUM_BYTES);
    store_text(buf, SINTER_UNDO_AT_OPERATION_LENGTH, SINTER_UNDO_AT_OPERATION, self->operation,
               SINTER_UNDO_OPERATION_MAX);
    store_text(buf, SINTER_UNDO_AT_NAME_LENGTH, SINTER_UNDO_AT_NAME, self->image_path,
               SINTER_UNDO_NAME_MAX);
    sinter_undo_sum(buf, SINTER_UNDO_AT_SUM, buf + SINTER_UNDO_AT_SUM);
}

static char *
load_text(const guint8 *buf, gsize at_length, gsize at, gsize max)
{
    return g_strndup((const char *)buf + at, MIN(load32(buf + at_length), max));
}

/* Returns what is wrong with a header, NULL if nothing. */
static const char *
header_trouble(const guint8 *buf)
{
    guint8 sum[SINTER_UNDO_SUM_BYTES];

    if (memcmp(buf, SINTER_UNDO_MAGIC, SINTER_UNDO_MAGIC_BYTES) != 0)
        return "it is not an undo file";
    if (load32(buf + SINTER_UNDO_AT_VERSION) != SINTER_UNDO_VERSION)
        return "it was written by a later version of this program";
    sinter_undo_sum(buf, SINTER_UNDO_AT_SUM, sum);
    if (memcmp(sum, buf + SINTER_UNDO_AT_SUM, sizeof sum) != 0 ||
        load32(buf + SINTER_UNDO_AT_HEADER_BYTES) != SINTER_UNDO_HEADER_BYTES ||
        sinter_undo_load64(buf + SINTER_UNDO_AT_IMAGE_BYTES) > G_MAXINT64 ||
        load32(buf + SINTER_UNDO_AT_HEAD_BYTES) > SINTER_UNDO_HEAD_MAX)
        return "its header is damaged";
    return NULL;
}

gboolean
sinter_undo_header_load(SinterUndoHeader *self, const guint8 *buf, const char *path, GError **error)
{
    const char *trouble = header_trouble(buf);

    if (trouble)
        return sinter_error_refuse(error, SINTER_ERROR_CORRUPT, "undo file '%s': %s", path,
                                   trouble);
    self->image_bytes = sinter_undo_load64(buf + SINTER_UNDO_AT_IMAGE_BYTES);
    self->device = sinter_undo_load64(buf + SINTER_UNDO_AT_DEVICE);
    self->inode = sinter_undo_load64(buf + SINTER_UNDO_AT_INODE);
    self->flags = load32(buf + SINTER_UNDO_AT_FLAGS);
    self->head_bytes = load32(buf + SINTER_UNDO_AT_HEAD_BYTES);
    self->date_usec = (gint64)sinter_undo_load64(buf + SINTER_UNDO_AT_DATE);
    memcpy(self->head_sum, buf + SINTER_UNDO_AT_HEAD_SUM, SINTER_UNDO_SUM_BYTES);
    self->operation = load_text(buf, SINTER_UNDO_AT_OPERATION_LENGTH, SINTER_UNDO_AT_OPERATION,
                                SINTER_UNDO_OPERATION_MAX);
    self->image_path =
        load_text(buf, SINTER_UNDO_AT_NAME_LENGTH, SINTER_UNDO_AT_NAME, SINTER_UNDO_NAME_MAX);
    return TRUE;
}

/* The bytes of an entry that existed before. */
static guint32
old_length(const SinterUndoEntry *entry, guint64 image_bytes)
{
    if (entry->offset >= image_bytes)
        return 0;
    return (guint32)MIN(entry->length, image_bytes - entry->offset);
}

static void
add_digests(GByteArray *payload, const guint8 *new, guint32 length)
{
    guint8 digest[SINTER_UNDO_DIGEST_BYTES];

    for (guint32 at = 0; at < length; at += SINTER_UNDO_UNIT_BYTES) {
        sinter_undo_digest(new + at, digest);
        g_byte_array_append(payload, digest, sizeof digest);
    }
}

void
sinter_undo_entry_add(GByteArray *payload, SinterUndoEntry entry, guint64 image_bytes,
                      const guint8 *old, const guint8 *new)
{
    guint8 head[SINTER_UNDO_ENTRY_BYTES];
    guint32 old_bytes = old ? old_length(&entry, image_bytes) : 0;

    entry.flags = old ? SINTER_UNDO_OLD : 0;
    if (old && sinter_undo_is_zero(old, old_bytes))
        entry.flags |= SINTER_UNDO_OLD_ZERO;
    if (!new || sinter_undo_is_zero(new, entry.length))
        entry.flags |= SINTER_UNDO_NEW_ZERO;
    sinter_undo_store64(head, entry.offset);
    store32(head + SINTER_UNDO_ENTRY_AT_LENGTH, entry.length);
    store32(head + SINTER_UNDO_ENTRY_AT_FLAGS, entry.flags);
    g_byte_array_append(payload, head, sizeof head);
    if (old && !(entry.flags & SINTER_UNDO_OLD_ZERO))
        g_byte_array_append(payload, old, old_bytes);
    if (!(entry.flags & SINTER_UNDO_NEW_ZERO))
        add_digests(payload, new, entry.length);
}

static gboolean
entry_is_valid(const SinterUndoEntry *entry, guint64 image_bytes)
{
    gboolean has_old = (entry->flags & SINTER_UNDO_OLD) != 0;

    return entry->offset % SINTER_UNDO_PAGE_BYTES == 0 && entry->offset <= G_MAXINT64 / 2 &&
           entry->length % SINTER_UNDO_PAGE_BYTES == 0 && entry->length > 0 &&
           entry->length <= SINTER_UNDO_ENTRY_MAX &&
           (entry->flags & ~SINTER_UNDO_FLAGS_KNOWN) == 0 &&
           (!has_old || entry->offset < image_bytes) &&
           (has_old || !(entry->flags & SINTER_UNDO_OLD_ZERO));
}

/* Decodes the entry at @at; returns its length in the payload, 0 if it is not valid. */
static gsize
entry_load(SinterUndoEntry *self, const guint8 *payload, gsize at, gsize len, guint64 image_bytes)
{
    gsize n = SINTER_UNDO_ENTRY_BYTES;

    if (len - at < n)
        return 0;
    *self = (SinterUndoEntry){
        .offset = sinter_undo_load64(payload + at),
        .length = load32(payload + at + SINTER_UNDO_ENTRY_AT_LENGTH),
        .flags = load32(payload + at + SINTER_UNDO_ENTRY_AT_FLAGS),
    };
    if (!entry_is_valid(self, image_bytes))
        return 0;
    if ((self->flags & SINTER_UNDO_OLD) && !(self->flags & SINTER_UNDO_OLD_ZERO))
        self->old_bytes = old_length(self, image_bytes);
    self->old_at = at + n;
    n += self->old_bytes;
    self->digests_at = at + n;
    if (!(self->flags & SINTER_UNDO_NEW_ZERO))
        n += self->length / SINTER_UNDO_UNIT_BYTES * SINTER_UNDO_DIGEST_BYTES;
    return n <= len - at ? n : 0;
}

gboolean
sinter_undo_entries_load(const guint8 *payload, gsize len, guint32 n, guint64 image_bytes,
                         GArray *entries)
{
    gsize at = 0;

    for (guint32 i = 0; i < n; i++) {
        SinterUndoEntry entry;
        gsize taken = entry_load(&entry, payload, at, len, image_bytes);

        if (taken == 0)
            return FALSE;
        g_array_append_val(entries, entry);
        at += taken;
    }
    return at == len;
}

void
sinter_undo_batch_store(const SinterUndoBatch *self, guint8 *buf)
{
    memcpy(buf, SINTER_UNDO_BATCH_MAGIC, SINTER_UNDO_MAGIC_BYTES);
    sinter_undo_store64(buf + SINTER_UNDO_BATCH_AT_NUMBER, self->number);
    sinter_undo_store64(buf + SINTER_UNDO_BATCH_AT_PAYLOAD, self->payload_bytes);
    store32(buf + SINTER_UNDO_BATCH_AT_KIND, self->kind);
    store32(buf + SINTER_UNDO_BATCH_AT_ENTRIES, self->n_entries);
    sum_of(buf, SINTER_UNDO_BATCH_AT_SUM, buf + SINTER_UNDO_BATCH_BYTES, self->payload_bytes,
           buf + SINTER_UNDO_BATCH_AT_SUM);
}

gboolean
sinter_undo_batch_load(SinterUndoBatch *self, const guint8 *buf)
{
    *self = (SinterUndoBatch){
        .number = sinter_undo_load64(buf + SINTER_UNDO_BATCH_AT_NUMBER),
        .payload_bytes = sinter_undo_load64(buf + SINTER_UNDO_BATCH_AT_PAYLOAD),
        .kind = load32(buf + SINTER_UNDO_BATCH_AT_KIND),
        .n_entries = load32(buf + SINTER_UNDO_BATCH_AT_ENTRIES),
    };
    return memcmp(buf, SINTER_UNDO_BATCH_MAGIC, SINTER_UNDO_MAGIC_BYTES) == 0 &&
           self->payload_bytes <= SINTER_UNDO_PAYLOAD_MAX;
}

gboolean
sinter_undo_batch_is_intact(const guint8 *buf, const guint8 *payload, gsize len)
{
    guint8 sum[SINTER_UNDO_SUM_BYTES];

    sum_of(buf, SINTER_UNDO_BATCH_AT_SUM, payload, len, sum);
    return memcmp(sum, buf + SINTER_UNDO_BATCH_AT_SUM, sizeof sum) == 0;
}
