/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * SinterRecordDir:
 *
 * A directory of records: one "ID.json" each, where the IDs are numbers. Blocking.
 * sinter_record_dir_save() and _remove() may be called from any thread, concurrently for different
 * records; all other functions belong to one thread.
 */
typedef struct _SinterRecordDir SinterRecordDir;

/* Creates the directory (0700) if it is absent. @what: "job", for messages; must stay valid */
SinterRecordDir *sinter_record_dir_new(const char *path, const char *what, GError **error);
void sinter_record_dir_free(SinterRecordDir *dir);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SinterRecordDir, sinter_record_dir_free)

/* @id: from the file's name. Fails if the record cannot be used. */
typedef gboolean (*SinterRecordFunc)(const char *id, const char *json, gssize len,
                                     gpointer user_data, GError **error);

/**
 * sinter_record_dir_load:
 *
 * Passes every record to @func, in any order. A record that cannot be read, or for which @func
 * fails, is logged with its name and renamed to "ID.json.bad", so that it is reported once. New IDs
 * are greater than all IDs found.
 */
gboolean sinter_record_dir_load(SinterRecordDir *dir, SinterRecordFunc func, gpointer user_data,
                                GError **error);

/* (transfer full): an ID that no record in this directory ever had */
char *sinter_record_dir_new_id(SinterRecordDir *dir);

/* Compares two IDs as numbers. */
int sinter_record_dir_compare_ids(const char *a, const char *b);

/* Makes the record durable. */
gboolean sinter_record_dir_save(SinterRecordDir *dir, const char *id, const char *json,
                                GError **error);

gboolean sinter_record_dir_remove(SinterRecordDir *dir, const char *id, GError **error);

G_END_DECLS
