/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Every state that a power cut can leave behind a recorded run. The record of a run is followed
 * from flush to flush; what was written since the last flush of its file may have reached storage
 * or not, in any combination. Of each such set the states are visited that are most telling:
 *
 * - all subsets, where it has up to 12 members; else every prefix, each member missing by itself,
 *   each member alone, and 200 subsets by chance;
 * - each write torn between sectors of 512 bytes, with all the others there and with none.
 *
 * Two writes to the same place keep their order: storage never brings back the older one.
 */

#include "io/sinter-fs-record.h"

/* The files as they were when the recorded run began. */
typedef struct {
    GPtrArray *files; /* of CrashFile */
} CrashBase;

typedef struct {
    char *path;
    guint64 inode;
    GByteArray *content;
} CrashFile;

typedef struct {
    guint64 states; /* that differ from each other */
    guint64 flushes;
    guint64 violations;
    char *first; /* the first violation in words */
} CrashCount;

typedef struct {
    guint skip_flush;  /* the number of a flush to leave out; G_MAXUINT: none */
    gboolean thorough; /* FALSE: no subsets beyond prefixes, single ones missing and alone */
    guint32 seed;
} CrashOptions;

/*
 * Judges a state: @fs holds the files, of the record the entries below @log_end can have left
 * traces. Returns NULL, or what is wrong with it.
 */
typedef char *(*CrashCheck)(SinterFs *fs, guint log_end, gpointer user_data);

void crash_base_init(CrashBase *self, SinterFs *fs, const char *const *paths);
void crash_base_clear(CrashBase *self);

/* Follows the entries of @log from @from on. Free the count's first with g_free(). */
CrashCount crash_explore(const CrashBase *base, GPtrArray *log, guint from,
                         const CrashOptions *options, CrashCheck check, gpointer user_data);
