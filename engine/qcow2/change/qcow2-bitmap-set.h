/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The dirty bitmaps of an image, changed together. Changes are made in memory; then
 *
 *   1. sinter_qcow2_bitmap_set_place()   writes and counts new bits, tables and directory
 *   2. sinter_qcow2_bitmap_set_switch()  makes the header refer to the new directory
 *   3. sinter_qcow2_bitmap_set_release() frees what only the old directory referred to
 *
 * so a crash leaves all of the old bitmaps or all of the new ones, with leaks at worst. The writer
 * must only be freed after steps 1 and 3. Not thread-safe.
 */

#include "qcow2/read/qcow2-bitmap.h"
#include "qcow2/write/qcow2-writer.h"

G_BEGIN_DECLS

typedef enum {
    SINTER_QCOW2_BITS_STORED, /* as stored in the file */
    SINTER_QCOW2_BITS_ZERO,
    SINTER_QCOW2_BITS_LOADED, /* in memory, possibly changed */
} SinterQcow2BitsState;

typedef struct {
    SinterQcow2Bitmap *stored; /* table, flags, name and so on as they will be stored */
    SinterQcow2BitsState state;
    guint8 *bits; /* LOADED: whole clusters */
} SinterQcow2BitmapEdit;

typedef struct {
    SinterIo *io; /* a reference */
    SinterQcow2Geometry geo;
    guint32 version;
    guint64 disk_bytes;
    GPtrArray *list; /* of SinterQcow2BitmapEdit, in the order of the directory */
    gboolean is_changed;
    GArray *old; /* of guint64: clusters that the new directory does not refer to */
    guint64 directory_offset;
    guint64 directory_bytes;
} SinterQcow2BitmapSet;

/* Loads the set of @io, whose header is @header. Bits are read on demand. */
SinterQcow2BitmapSet *sinter_qcow2_bitmap_set_load(SinterIo *io, const SinterQcow2Header *header,
                                                   GError **error);
/* Creates an empty set for an image whose format has no bitmaps. */
SinterQcow2BitmapSet *sinter_qcow2_bitmap_set_new(SinterIo *io);
void sinter_qcow2_bitmap_set_free(SinterQcow2BitmapSet *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SinterQcow2BitmapSet, sinter_qcow2_bitmap_set_free)

/* Changes, in memory. Errors are in the words of QEMU. */

/* @granularity: bytes per bit; 0 for a default that suits the image. */
gboolean sinter_qcow2_bitmap_set_add(SinterQcow2BitmapSet *self, const char *name,
                                     guint64 granularity, GError **error);
gboolean sinter_qcow2_bitmap_set_remove(SinterQcow2BitmapSet *self, const char *name,
                                        GError **error);
gboolean sinter_qcow2_bitmap_set_clear(SinterQcow2BitmapSet *self, const char *name,
                                       GError **error);
gboolean sinter_qcow2_bitmap_set_enable(SinterQcow2BitmapSet *self, const char *name,
                                        gboolean enable, GError **error);
/* Adds the set bits of @source of @from, which may be the same set, to @name. */
gboolean sinter_qcow2_bitmap_set_merge(SinterQcow2BitmapSet *self, const char *name,
                                       SinterQcow2BitmapSet *from, const char *source,
                                       GError **error);
/*
 * Resizes the bitmaps to another disk size. Bitmaps that differ are marked "in use": the caller
 * removes the mark when the disk has that size.
 */
gboolean sinter_qcow2_bitmap_set_resize(SinterQcow2BitmapSet *self, guint64 disk_bytes,
                                        GError **error);

/* The steps. */
gboolean sinter_qcow2_bitmap_set_place(SinterQcow2BitmapSet *self, SinterQcow2Writer *writer,
                                       GError **error);
/* The first step without space for more than the directory, if no bits have changed. */
gboolean sinter_qcow2_bitmap_set_place_directory(SinterQcow2BitmapSet *self,
                                                 SinterQcow2Writer *writer, GError **error);
/* The first step without any space: the current directory without what follows its @bytes. */
void sinter_qcow2_bitmap_set_cut_directory(SinterQcow2BitmapSet *self, guint64 bytes);
gboolean sinter_qcow2_bitmap_set_switch(SinterQcow2BitmapSet *self, GError **error);
gboolean sinter_qcow2_bitmap_set_release(SinterQcow2BitmapSet *self, SinterQcow2Writer *writer,
                                         GError **error);

/* The number of bits, and of table entries, of a bitmap for the set's disk. */
guint64 sinter_qcow2_bitmap_set_n_bits(const SinterQcow2BitmapSet *self,
                                       const SinterQcow2Bitmap *bitmap);
guint64 sinter_qcow2_bitmap_set_n_entries(const SinterQcow2BitmapSet *self,
                                          const SinterQcow2Bitmap *bitmap);

G_END_DECLS
