/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Changes a header that is longer than the sector that storage writes atomically:
 *
 *   sector 0: fields, first extensions | 1…: the table of feature names, end mark | the name
 *
 * So what the new header needs beyond sector 0 is written first, to bytes that the current header
 * does not use, and made durable; then sector 0 is written. If extensions move that the current
 * header still uses, it takes two steps: an intermediate header omits the feature names and so has
 * only the name beyond sector 0.
 *
 * Invariant: no byte that the durable header uses changes, except together with sector 0.
 */

#include "qcow2-header-change.h"
#include "qcow2/layout/qcow2-header-build.h"
#include "sinter-error.h"

#include <string.h>

#define SECTOR_BYTES 512

/* A header: the bytes of its cluster, and the ranges in use. */
typedef struct {
    guint8 *data;
    gsize exts_end; /* from 0 up to here */
    gsize name_at;
    gsize name_end; /* 0: no name */
} Layout;

typedef struct {
    SinterIo *io;
    const SinterQcow2Header *header;
    const SinterQcow2HeaderChange *want;
    gsize size; /* of the cluster */
    Layout now;
} Change;

static void
layout_clear(Layout *self)
{
    g_clear_pointer(&self->data, g_free);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Layout, layout_clear)

static gboolean
layout_uses(const Layout *self, gsize at)
{
    return at < self->exts_end || (at >= self->name_at && at < self->name_end);
}

static gsize
layout_end(const Layout *self)
{
    return MAX(self->exts_end, self->name_end);
}

/* Appends an extension; FALSE if it does not fit. */
static gboolean
layout_add_extension(Layout *self, gsize size, guint32 type, const void *data, gsize len)
{
    gsize padded = (len + 7) / 8 * 8;

    if (SINTER_QCOW2_EXT_HEAD_BYTES + padded > size - self->exts_end)
        return FALSE;
    sinter_be32_store(self->data + self->exts_end, type);
    sinter_be32_store(self->data + self->exts_end + 4, (guint32)len);
    self->exts_end += SINTER_QCOW2_EXT_HEAD_BYTES;
    if (len > 0)
        memcpy(self->data + self->exts_end, data, len);
    self->exts_end += padded;
    return TRUE;
}

static gboolean
layout_add_text(Layout *self, gsize size, guint32 type, const char *text)
{
    return !text || layout_add_extension(self, size, type, text, strlen(text));
}

static gboolean
layout_add_bitmaps(Layout *self, const Change *change)
{
    const SinterQcow2HeaderChange *want = change->want;
    guint8 raw[SINTER_QCOW2_EXT_BITMAPS_BYTES] = { 0 };

    sinter_be32_store(raw, want->n_bitmaps);
    sinter_be64_store(raw + 8, want->bitmap_directory_bytes);
    sinter_be64_store(raw + 16, want->bitmap_directory_offset);
    return want->n_bitmaps == 0 ||
           layout_add_extension(self, change->size, SINTER_QCOW2_EXT_BITMAPS, raw, sizeof raw);
}

static gboolean
layout_add_leaks_kept(Layout *self, const Change *change)
{
    return !change->want->keeps_leaks ||
           layout_add_extension(self, change->size, SINTER_QCOW2_EXT_LEAKS_KEPT, NULL, 0);
}

static gboolean
layout_add_features(Layout *self, const Change *change)
{
    guint8 raw[SINTER_QCOW2_FEATURES_BYTES];

    /* without the names where QEMU's tools omit them, too */
    if (change->size - self->exts_end <= SINTER_QCOW2_FEATURES_ROOM_BYTES)
        return TRUE;
    sinter_qcow2_header_build_features(raw);
    return layout_add_extension(self, change->size, SINTER_QCOW2_EXT_FEATURE_NAMES, raw,
                                sizeof raw);
}

/* Returns whether this code writes the extension's content itself. */
static gboolean
is_said_anew(const Change *change, guint32 type)
{
    return type == SINTER_QCOW2_EXT_BACKING_FORMAT || type == SINTER_QCOW2_EXT_BITMAPS ||
           type == SINTER_QCOW2_EXT_DATA_FILE || type == SINTER_QCOW2_EXT_FEATURE_NAMES ||
           type == SINTER_QCOW2_EXT_LEAKS_KEPT;
}

/* The feature names that are kept, or that a header gets when it becomes version 3. */
static gboolean
layout_keep_features(Layout *self, const Change *change)
{
    const GArray *extensions = change->header->extensions;

    if (change->want->version < 3)
        return TRUE;
    if (change->header->version < 3)
        return layout_add_features(self, change);
    for (guint i = 0; i < extensions->len; i++) {
        const SinterQcow2Extension *ext = &g_array_index(extensions, SinterQcow2Extension, i);

        if (ext->type == SINTER_QCOW2_EXT_FEATURE_NAMES &&
            !layout_add_extension(self, change->size, ext->type, change->now.data + ext->offset,
                                  ext->length_bytes))
            return FALSE;
    }
    return TRUE;
}

/* Copies the extensions that are kept unchanged. */
static gboolean
layout_keep_others(Layout *self, const Change *change)
{
    const GArray *extensions = change->header->extensions;

    for (guint i = 0; i < extensions->len; i++) {
        const SinterQcow2Extension *ext = &g_array_index(extensions, SinterQcow2Extension, i);

        if (!is_said_anew(change, ext->type) &&
            !layout_add_extension(self, change->size, ext->type, change->now.data + ext->offset,
                                  ext->length_bytes))
            return FALSE;
    }
    return TRUE;
}

/* Fills the fields of the new header. */
static void
layout_set_fields(Layout *self, const Change *change)
{
    const SinterQcow2HeaderChange *want = change->want;
    guint8 *at = self->data;

    if (want->version == change->header->version) {
        self->exts_end = change->header->header_bytes;
        memcpy(at, change->now.data, self->exts_end);
    } else {
        self->exts_end =
            want->version >= 3 ? SINTER_QCOW2_HEADER_V3_BYTES : SINTER_QCOW2_HEADER_V2_BYTES;
        memcpy(at, change->now.data, SINTER_QCOW2_HEADER_V2_BYTES);
    }
    sinter_be32_store(at + SINTER_QCOW2_AT_VERSION, want->version);
    if (want->version < 3)
        return;
    sinter_be64_store(at + SINTER_QCOW2_AT_INCOMPATIBLE, want->incompatible);
    sinter_be64_store(at + SINTER_QCOW2_AT_COMPATIBLE, want->compatible);
    sinter_be64_store(at + SINTER_QCOW2_AT_AUTOCLEAR, want->autoclear);
    sinter_be32_store(at + SINTER_QCOW2_AT_REFCOUNT_ORDER, change->header->refcount_order);
    if (change->header->version < 3)
        sinter_be32_store(at + SINTER_QCOW2_AT_HEADER_BYTES, SINTER_QCOW2_HEADER_V3_BYTES);
}

/* Builds the new header, without its name. FALSE if the extensions do not fit. */
static gboolean
layout_init(Layout *self, const Change *change, gboolean with_features)
{
    const SinterQcow2HeaderChange *want = change->want;

    *self = (Layout){ .data = g_malloc0(change->size) };
    layout_set_fields(self, change);
    return layout_add_text(self, change->size, SINTER_QCOW2_EXT_BACKING_FORMAT,
                           want->backing_name ? want->backing_format : NULL) &&
           layout_add_text(self, change->size, SINTER_QCOW2_EXT_DATA_FILE, want->data_file_name) &&
           (!with_features || layout_keep_features(self, change)) &&
           layout_add_bitmaps(self, change) && layout_add_leaks_kept(self, change) &&
           layout_keep_others(self, change) &&
           layout_add_extension(self, change->size, SINTER_QCOW2_EXT_END, NULL, 0);
}

static void
layout_set_name(Layout *self, const char *name, gsize at)
{
    gsize len = name ? strlen(name) : 0;

    self->name_at = len ? at : 0;
    self->name_end = len ? at + len : 0;
    sinter_be64_store(self->data + SINTER_QCOW2_AT_BACKING_OFFSET, self->name_at);
    sinter_be32_store(self->data + SINTER_QCOW2_AT_BACKING_BYTES, (guint32)len);
    if (len)
        memcpy(self->data + at, name, len);
}

/* Reads the current header from the file. */
static gboolean
layout_load(Layout *self, const Change *change, GError **error)
{
    const SinterQcow2Header *header = change->header;

    *self = (Layout){ .data = g_malloc(change->size), .exts_end = header->header_bytes };
    if (!sinter_io_read_padded(change->io, 0, self->data, change->size, error))
        return FALSE;
    for (guint i = 0; i < header->extensions->len; i++) {
        const SinterQcow2Extension *ext =
            &g_array_index(header->extensions, SinterQcow2Extension, i);

        self->exts_end = MAX(self->exts_end, ext->offset + ((gsize)ext->length_bytes + 7) / 8 * 8);
    }
    self->exts_end = MIN(self->exts_end + SINTER_QCOW2_EXT_HEAD_BYTES, change->size);
    if (header->backing_name) {
        self->name_at = header->backing_name_offset;
        self->name_end = self->name_at + header->backing_name_bytes;
    }
    return TRUE;
}

/* Returns whether a crash between any two sectors leaves one of the two headers intact. */
static gboolean
can_switch(const Layout *from, const Layout *to)
{
    for (gsize at = SECTOR_BYTES; at < layout_end(to); at++) {
        if (layout_uses(from, at) && layout_uses(to, at) && from->data[at] != to->data[at])
            return FALSE;
    }
    return TRUE;
}

/* Writes the change from the header @from, which is durable, to @to. */
static gboolean
switch_header(const Change *change, const Layout *from, const Layout *to, GError **error)
{
    gsize end = MAX(layout_end(from), layout_end(to));
    g_autofree guint8 *between = g_memdup2(to->data, change->size);

    for (gsize at = SECTOR_BYTES; at < end; at++) {
        if (layout_uses(from, at))
            between[at] = from->data[at];
    }
    if (end > SECTOR_BYTES && (!sinter_io_write(change->io, SECTOR_BYTES, between + SECTOR_BYTES,
                                                end - SECTOR_BYTES, error) ||
                               !sinter_io_flush(change->io, error)))
        return FALSE;
    return sinter_io_write(change->io, 0, to->data, SECTOR_BYTES, error) &&
           sinter_io_flush(change->io, error);
}

/* Switches from the current header to @to with the name at @at, if that is safe. */
static gboolean
try_place(const Change *change, Layout *to, Layout *compact, gsize at, gboolean *ret_done,
          GError **error)
{
    gsize len = change->want->backing_name ? strlen(change->want->backing_name) : 0;

    if (len > change->size - MIN(at, change->size))
        return TRUE;
    layout_set_name(to, change->want->backing_name, at);
    if (can_switch(&change->now, to)) {
        *ret_done = TRUE;
        return switch_header(change, &change->now, to, error);
    }
    if (!compact->data)
        return TRUE;
    layout_set_name(compact, change->want->backing_name, at);
    if (!can_switch(&change->now, compact) || !can_switch(compact, to))
        return TRUE;
    *ret_done = TRUE;
    return switch_header(change, &change->now, compact, error) &&
           switch_header(change, compact, to, error);
}

static gboolean
change_write(const Change *change, Layout *to, Layout *compact, GError **error)
{
    gsize after = MAX(change->now.exts_end, to->exts_end);
    const gsize places[] = { to->exts_end, after, MAX(after, change->now.name_end) };
    gboolean done = FALSE;

    for (gsize i = 0; i < G_N_ELEMENTS(places); i++) {
        g_autofree guint8 *clean = g_memdup2(to->data, change->size);
        gboolean ok = try_place(change, to, compact, places[i], &done, error);

        if (done || !ok)
            return ok;
        memcpy(to->data, clean, change->size);
    }
    g_set_error(error, SINTER_ERROR, SINTER_ERROR_NO_SPACE,
                "the header cluster of %" G_GSIZE_FORMAT " bytes is too small to hold the old and "
                "the new name of the backing file, or the old and the new header, at the same "
                "time; this is required for a change that is safe against crashes",
                change->size);
    return FALSE;
}

static gboolean
change_run(Change *change, GError **error)
{
    gsize len = change->want->backing_name ? strlen(change->want->backing_name) : 0;
    g_auto(Layout) to = { 0 };
    g_auto(Layout) compact = { 0 };

    if (!layout_load(&change->now, change, error))
        return FALSE;
    if (!layout_init(&to, change, TRUE) || len > change->size - to.exts_end) {
        /* feature names may be dropped if there is no room: they are informational */
        layout_clear(&to);
        if (!layout_init(&to, change, FALSE) || len > change->size - to.exts_end) {
            g_set_error_literal(error, SINTER_ERROR, SINTER_ERROR_NO_SPACE,
                                "No space left in the file header");
            return FALSE;
        }
    }
    if (!layout_init(&compact, change, FALSE) || compact.exts_end > SECTOR_BYTES)
        layout_clear(&compact);
    return change_write(change, &to, &compact, error);
}

SinterQcow2HeaderChange
sinter_qcow2_header_change_of(const SinterQcow2Header *header)
{
    gboolean has_bitmaps =
        header->has_bitmaps && (header->autoclear & SINTER_QCOW2_AUTOCLEAR_BITMAPS) != 0;

    return (SinterQcow2HeaderChange){
        .version = header->version,
        .incompatible = header->incompatible,
        .compatible = header->compatible,
        .autoclear = header->autoclear & SINTER_QCOW2_AUTOCLEAR_KNOWN,
        .backing_name = header->backing_name,
        .backing_format = header->backing_format,
        .data_file_name = header->data_file_name,
        .n_bitmaps = has_bitmaps ? header->n_bitmaps : 0,
        .bitmap_directory_bytes = header->bitmap_directory_bytes,
        .bitmap_directory_offset = header->bitmap_directory_offset,
        .keeps_leaks = sinter_qcow2_header_keeps_leaks(header),
    };
}

gboolean
sinter_qcow2_header_change(SinterIo *io, const SinterQcow2Header *header,
                           const SinterQcow2HeaderChange *want, GError **error)
{
    Change change = { .io = io, .header = header, .want = want, .size = header->geo.cluster_size };
    gboolean ok;

    if (header->header_bytes > change.size - SINTER_QCOW2_EXT_HEAD_BYTES)
        return sinter_error_refuse(error, SINTER_ERROR_NO_SPACE,
                                   "the header is longer than its cluster");
    ok = change_run(&change, error);
    layout_clear(&change.now);
    return ok;
}
