/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Every state that a power cut can leave behind a recorded run. The record of a run is followed
 * from flush to flush; what was written since the last flush of its file may have reached storage
 * or not, in any combination, and so may the names that were made, renamed or removed since the
 * last sync of their folder. Of each such set the states are visited that are most telling:
 *
 * - all subsets, where it has up to 12 members; else every prefix, each member missing by itself,
 *   each member alone, each prefix whose last two members changed places (so that only the later
 *   one arrived), and 200 subsets by chance;
 * - each write torn between sectors of 512 bytes, by chance and at one place, with all the others
 *   there, with those before it and with none.
 *
 * Two writes to the same place keep their order: storage never brings back the older one. Of two
 * changes to one name the later does not arrive without the earlier.
 */

#include "crash-state.h"

#define CRASH_SECTOR_BYTES 512

typedef struct {
    guint64 states;  /* that differ from each other */
    guint64 judged;  /* the same state at another moment has to stand up to more */
    guint64 flushes; /* of files, and syncs of folders */
    guint64 violations;
    char *first; /* the first violation in words */
} CrashCount;

typedef struct {
    guint skip_flush;  /* the number of a flush to leave out; G_MAXUINT: none */
    gboolean thorough; /* FALSE: no subsets beyond prefixes, single ones missing and alone */
    guint32 seed;
    /* Number N + 1 of a flush whose epoch (what stands between the flush before it and itself, and
     * the flush) changes places with the epoch after it; 0: none. */
    guint swap_epoch;
} CrashOptions;

/*
 * Judges a state: @fs holds the files, of the record the entries below @log_end can have left
 * traces. Returns NULL, or what is wrong with it.
 */
typedef char *(*CrashCheck)(SinterFs *fs, guint log_end, gpointer user_data);

/* Follows the entries of @log from @from on. Free the count's first with g_free(). */
CrashCount crash_explore(const CrashBase *base, GPtrArray *log, guint from,
                         const CrashOptions *options, CrashCheck check, gpointer user_data);
