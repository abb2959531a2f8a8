/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-patience.h"

G_BEGIN_DECLS

/**
 * SinterStorageProbe:
 *
 * Access to files that may be on a file system that does not respond: on a server that is gone, or
 * on a FUSE file system whose process is stopped. All questions about one mount share a limit. For
 * one pass over the host; one thread.
 */
typedef struct _SinterStorageProbe SinterStorageProbe;

/* What does not respond. */
typedef struct {
    gint64 since_usec; /* real time; 0: it responds */
    guint64 device;    /* the st_dev of the file system */
    char *name;        /* the mount point, or the path of the device */
} SinterStorageSilence;

void sinter_storage_silence_clear(SinterStorageSilence *silence);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(SinterStorageSilence, sinter_storage_silence_clear)

SinterStorageProbe *sinter_storage_probe_new(SinterPatience *patience);
void sinter_storage_probe_free(SinterStorageProbe *probe);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SinterStorageProbe, sinter_storage_probe_free)

/**
 * sinter_storage_probe_ask:
 * @path: an absolute path; the question concerns the file system that it leads to, through any
 *   symbolic links
 * @question: its data is (transfer full)
 * @silence: (out caller-allocates): what does not respond, if the question was not answered
 *
 * As sinter_patience_ask().
 */
gboolean sinter_storage_probe_ask(SinterStorageProbe *probe, const char *path,
                                  const SinterQuestion *question, SinterStorageSilence *silence);

/* (transfer full): "the file system at '/mnt' has not responded since 12:01:02" */
char *sinter_storage_silence_describe(const SinterStorageSilence *silence);

G_END_DECLS
