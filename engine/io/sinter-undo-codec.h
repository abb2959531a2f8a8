/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Encodes and decodes the parts of an undo file (sinter-undo-layout.h). Does no I/O. */

#include "sinter-undo-layout.h"

G_BEGIN_DECLS

typedef struct {
    guint64 image_bytes;
    guint64 device;
    guint64 inode;
    guint32 flags;
    guint32 head_bytes;
    guint8 head_sum[SINTER_UNDO_SUM_BYTES];
    gint64 date_usec;
    char *operation;
    char *image_path;
} SinterUndoHeader;

void sinter_undo_header_clear(SinterUndoHeader *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(SinterUndoHeader, sinter_undo_header_clear)

/* @buf has SINTER_UNDO_HEADER_BYTES. Texts that are too long are cut. */
void sinter_undo_header_store(const SinterUndoHeader *self, guint8 *buf);
/* @path: the undo file's, for errors. */
gboolean sinter_undo_header_load(SinterUndoHeader *self, const guint8 *buf, const char *path,
                                 GError **error);

/* A place in the image that one batch changes. */
typedef struct {
    guint64 offset;
    guint32 length;
    guint32 flags;
    guint32 old_bytes;  /* stored */
    guint64 old_at;     /* offset in the undo file; in a payload that is decoded: in it */
    guint64 digests_at; /* the same */
    guint64 batch;
} SinterUndoEntry;

/*
 * Adds an entry to the payload of a batch. @old: NULL, or the entry's former bytes, of which those
 * below @image_bytes are stored; @new: NULL for zeros.
 */
void sinter_undo_entry_add(GByteArray *payload, SinterUndoEntry entry, guint64 image_bytes,
                           const guint8 *old, const guint8 *new);

/* Decodes all @n entries of a payload and adds them to @entries (of SinterUndoEntry). */
gboolean sinter_undo_entries_load(const guint8 *payload, gsize len, guint32 n, guint64 image_bytes,
                                  GArray *entries);

typedef struct {
    guint64 number;
    guint64 payload_bytes;
    guint32 kind;
    guint32 n_entries;
} SinterUndoBatch;

/* Fills the head of a batch at @buf, whose payload follows it directly. */
void sinter_undo_batch_store(const SinterUndoBatch *self, guint8 *buf);
/* Returns FALSE if @buf is not the head of a batch; the checksum is not compared. */
gboolean sinter_undo_batch_load(SinterUndoBatch *self, const guint8 *buf);
/* Returns whether the checksum of the head at @buf and of @payload is right. */
gboolean sinter_undo_batch_is_intact(const guint8 *buf, const guint8 *payload, gsize len);

void sinter_undo_sum(const void *data, gsize len, guint8 *ret);
void sinter_undo_digest(const guint8 *unit, guint8 *ret);

gboolean sinter_undo_is_zero(const guint8 *data, gsize len);
guint64 sinter_undo_load64(const guint8 *at);
void sinter_undo_store64(guint8 *at, guint64 value);

G_END_DECLS
