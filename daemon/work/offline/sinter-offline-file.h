/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-file.h"
#include "sinter-identity.h"

G_BEGIN_DECLS

/* One image of a domain that no QEMU may write meanwhile, to be passed to a worker. */
typedef struct {
    char *path;
    char *name; /* the name in the header of the layer above, possibly another path to the same
                 * file */
    char *format;
    SinterIdentity identity; /* as scanned */
    gboolean written;        /* opened for writing, and locked exclusively */
    SinterFd fd;
    SinterFd direct_fd; /* the same file with O_DIRECT; -1: none */
} SinterOfflineFile;

SinterOfflineFile *sinter_offline_file_new(const char *path, const char *format,
                                           const SinterIdentity *identity, gboolean written);
void sinter_offline_file_free(SinterOfflineFile *file);

/* Opens the scanned file. CHAIN_CHANGED if the path now leads to another file, LOCKED if it is a
 * device in exclusive use. Blocking. */
gboolean sinter_offline_file_open(SinterOfflineFile *file, GError **error);

/* Opens the file a second time, with O_DIRECT; without it the work is slower. */
void sinter_offline_file_open_direct(SinterOfflineFile *file);

/* Locks the open file as QEMU does, exclusively if it is written, otherwise against writers, and
 * respects a lease of virtlockd. LOCKED with the holder if it is in use. */
gboolean sinter_offline_file_lock(SinterOfflineFile *file, GError **error);

G_END_DECLS
