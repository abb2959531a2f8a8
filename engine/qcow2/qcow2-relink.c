/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Rewrites the header of an image so that it names another backing file. Storage changes a sector
 * at a time, and the header is longer than one:
 *
 *   sector 0: fields, first extensions | 1…: the table of feature names, end mark | the name
 *
 * So what the new header needs beyond sector 0 is written first, to where the present header has
 * nothing, and made durable; then sector 0 changes over. Where the extensions move, which the
 * present header has all along, it changes over twice: by way of a header that does without the
 * feature names and so has nothing but the name beyond sector 0.
 *
 * What holds: no byte that the durable header uses changes but with sector 0.
 */

#include "qcow2-relink.h"
#include "qcow2-header.h"
#include "sinter-error.h"

#include <string.h>

#define SECTOR_BYTES 512

/* A header: bytes of its cluster, and which of them mean something. */
typedef struct {
    guint8 *data;
    gsize exts_end; /* from 0 up to here */
    gsize name_at;
    gsize name_end; /* 0: no name */
} Layout;

typedef struct {
    SinterIo *io;
    const SinterQcow2Header *header;
    const char *name;   /* NULL: none */
    const char *format; /* NULL: not stored */
    gsize size;         /* of the cluster */
    Layout now;
} Relink;

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

/* Appends an extension; FALSE where there is no room. */
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

/* The extensions that stay, as they are. */
static gboolean
layout_keep_extensions(Layout *self, const Relink *relink, gboolean with_features)
{
    const GArray *extensions = relink->header->extensions;

    for (guint i = 0; i < extensions->len; i++) {
        const SinterQcow2Extension *ext = &g_array_index(extensions, SinterQcow2Extension, i);

        if (ext->type == SINTER_QCOW2_EXT_BACKING_FORMAT ||
            (ext->type == SINTER_QCOW2_EXT_FEATURE_NAMES && !with_features))
            continue;
        if (!layout_add_extension(self, relink->size, ext->type, relink->now.data + ext->offset,
                                  ext->length_bytes))
            return FALSE;
    }
    return TRUE;
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

/* The new header, without its name. FALSE where the extensions do not fit. */
static gboolean
layout_init(Layout *self, const Relink *relink, gboolean with_features)
{
    const SinterQcow2Header *header = relink->header;

    *self = (Layout){ .data = g_malloc0(relink->size), .exts_end = header->header_bytes };
    memcpy(self->data, relink->now.data, header->header_bytes);
    if (header->version >= 3)
        sinter_be64_store(self->data + SINTER_QCOW2_AT_AUTOCLEAR,
                          header->autoclear & SINTER_QCOW2_AUTOCLEAR_KNOWN);
    return (!relink->name || !relink->format ||
            layout_add_extension(self, relink->size, SINTER_QCOW2_EXT_BACKING_FORMAT,
                                 relink->format, strlen(relink->format))) &&
           layout_keep_extensions(self, relink, with_features) &&
           layout_add_extension(self, relink->size, SINTER_QCOW2_EXT_END, NULL, 0);
}

/* The header as it is in the file. */
static gboolean
layout_load(Layout *self, const Relink *relink, GError **error)
{
    const SinterQcow2Header *header = relink->header;

    *self = (Layout){ .data = g_malloc(relink->size), .exts_end = header->header_bytes };
    if (!sinter_io_read_padded(relink->io, 0, self->data, relink->size, error))
        return FALSE;
    for (guint i = 0; i < header->extensions->len; i++) {
        const SinterQcow2Extension *ext =
            &g_array_index(header->extensions, SinterQcow2Extension, i);

        self->exts_end = MAX(self->exts_end, ext->offset + ((gsize)ext->length_bytes + 7) / 8 * 8);
    }
    self->exts_end = MIN(self->exts_end + SINTER_QCOW2_EXT_HEAD_BYTES, relink->size);
    if (header->backing_name) {
        self->name_at = header->backing_name_offset;
        self->name_end = self->name_at + header->backing_name_bytes;
    }
    return TRUE;
}

/* Whether a cut between any two sectors leaves one of the two headers, whole. */
static gboolean
can_switch(const Layout *from, const Layout *to)
{
    for (gsize at = SECTOR_BYTES; at < layout_end(to); at++) {
        if (layout_uses(from, at) && layout_uses(to, at) && from->data[at] != to->data[at])
            return FALSE;
    }
    return TRUE;
}

/* From the header @from, which is durable, to @to. */
static gboolean
switch_header(const Relink *relink, const Layout *from, const Layout *to, GError **error)
{
    gsize end = MAX(layout_end(from), layout_end(to));
    g_autofree guint8 *between = g_memdup2(to->data, relink->size);

    for (gsize at = SECTOR_BYTES; at < end; at++) {
        if (layout_uses(from, at))
            between[at] = from->data[at];
    }
    if (end > SECTOR_BYTES && (!sinter_io_write(relink->io, SECTOR_BYTES, between + SECTOR_BYTES,
                                                end - SECTOR_BYTES, error) ||
                               !sinter_io_flush(relink->io, error)))
        return FALSE;
    return sinter_io_write(relink->io, 0, to->data, SECTOR_BYTES, error) &&
           sinter_io_flush(relink->io, error);
}

/* Goes over from the present header to @to with the name at @at, if that is safe. */
static gboolean
try_place(const Relink *relink, Layout *to, Layout *compact, gsize at, gboolean *ret_done,
          GError **error)
{
    gsize len = relink->name ? strlen(relink->name) : 0;

    if (len > relink->size - MIN(at, relink->size))
        return TRUE;
    layout_set_name(to, relink->name, at);
    if (can_switch(&relink->now, to)) {
        *ret_done = TRUE;
        return switch_header(relink, &relink->now, to, error);
    }
    if (!compact->data)
        return TRUE;
    layout_set_name(compact, relink->name, at);
    if (!can_switch(&relink->now, compact) || !can_switch(compact, to))
        return TRUE;
    *ret_done = TRUE;
    return switch_header(relink, &relink->now, compact, error) &&
           switch_header(relink, compact, to, error);
}

static gboolean
relink_write(const Relink *relink, Layout *to, Layout *compact, GError **error)
{
    gsize after = MAX(relink->now.exts_end, to->exts_end);
    const gsize places[] = { to->exts_end, after, MAX(after, relink->now.name_end) };
    gboolean done = FALSE;

    for (gsize i = 0; i < G_N_ELEMENTS(places); i++) {
        g_autofree guint8 *clean = g_memdup2(to->data, relink->size);
        gboolean ok = try_place(relink, to, compact, places[i], &done, error);

        if (done || !ok)
            return ok;
        memcpy(to->data, clean, relink->size);
    }
    g_set_error(error, SINTER_ERROR, SINTER_ERROR_NO_SPACE,
                "the header's cluster of %" G_GSIZE_FORMAT " bytes has no room for the former and "
                "the new name of the backing file side by side, as a safe change needs it; a "
                "shorter name may fit",
                relink->size);
    return FALSE;
}

static gboolean
relink_check(const Relink *relink, GError **error)
{
    gsize len = relink->name ? strlen(relink->name) : 0;

    if (!sinter_qcow2_header_require_usable(relink->header, error))
        return FALSE;
    if (relink->header->geo.external_data && len &&
        (relink->header->autoclear & SINTER_QCOW2_AUTOCLEAR_RAW_EXTERNAL)) {
        g_set_error_literal(error, SINTER_ERROR, SINTER_ERROR_UNSUPPORTED,
                            "an image whose data file is by itself a raw image of the disk stands "
                            "on no backing file");
        return FALSE;
    }
    if (len <= SINTER_QCOW2_BACKING_NAME_MAX)
        return TRUE;
    g_set_error(error, SINTER_ERROR, SINTER_ERROR_INVALID_ARGUMENT,
                "the name of a backing file has at most %d bytes", SINTER_QCOW2_BACKING_NAME_MAX);
    return FALSE;
}

static gboolean
relink_run(Relink *relink, GError **error)
{
    gsize len = relink->name ? strlen(relink->name) : 0;
    g_auto(Layout) to = { 0 };
    g_auto(Layout) compact = { 0 };

    if (!layout_load(&relink->now, relink, error))
        return FALSE;
    if (!layout_init(&to, relink, TRUE) || len > relink->size - to.exts_end) {
        /* the names of features may go where there is no room: they are for people */
        layout_clear(&to);
        if (!layout_init(&to, relink, FALSE) || len > relink->size - to.exts_end) {
            g_set_error_literal(error, SINTER_ERROR, SINTER_ERROR_NO_SPACE,
                                "No space left in the file header");
            return FALSE;
        }
    }
    if (!layout_init(&compact, relink, FALSE) || compact.exts_end > SECTOR_BYTES)
        layout_clear(&compact);
    return relink_write(relink, &to, &compact, error);
}

gboolean
sinter_qcow2_relink(SinterIo *io, const char *backing_name, const char *backing_format,
                    GError **error)
{
    g_autoptr(SinterQcow2Header) header = sinter_qcow2_header_read(io, error);
    Relink relink = { .io = io,
                      .header = header,
                      .name = backing_name && *backing_name ? backing_name : NULL,
                      .format = backing_format };
    gboolean ok;

    if (!header || !relink_check(&relink, error))
        return FALSE;
    relink.size = header->geo.cluster_size;
    ok = relink_run(&relink, error);
    layout_clear(&relink.now);
    return ok;
}
