/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* A mounted file system. */
typedef struct {
    char *path;     /* where it is mounted */
    guint64 device; /* its st_dev */
    char *key;      /* identifies the mount, for questions about it (sinter-patience.h) */
} SinterMountEntry;

/**
 * SinterMountTable:
 *
 * The mounts of this process at one time, from the kernel's table: no file system is touched.
 * Immutable.
 */
typedef struct _SinterMountTable SinterMountTable;

/* Never fails: without a table there are no mounts. */
SinterMountTable *sinter_mount_table_read(void);

/* @text: in the format of /proc/self/mountinfo; what is not understood is skipped */
SinterMountTable *sinter_mount_table_parse(const char *text);
void sinter_mount_table_free(SinterMountTable *table);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SinterMountTable, sinter_mount_table_free)

/* (transfer none) (nullable): the mount that contains @path, which is absolute and free of "..",
 * "." and symbolic links */
const SinterMountEntry *sinter_mount_table_find(const SinterMountTable *table, const char *path);

/* Returns whether something is mounted at exactly this path. */
gboolean sinter_mount_table_has(const SinterMountTable *table, const char *path);

G_END_DECLS
