/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * An operation over a few files, cut at every moment. What is told beforehand is what becomes of
 * each disk that the files show; the rest is judged alike for all operations:
 *
 * - no image on which somebody stands is corrupt (clusters counted too high are allowed),
 * - each disk shows what was promised of it, and once the operation has returned, what it shows
 *   when nothing is cut, with no draft (".part") beside it,
 * - run again on what the cut left, the operation ends with the same disks; a second cut, of that
 *   second run, is survived just as well.
 */

#include "crash-harness.h"

typedef enum {
    CRASH_VIEW_KEPT,    /* always the same content */
    CRASH_VIEW_CHANGES, /* the content of before or the one of after */
    CRASH_VIEW_BLURS,   /* anything until the operation ends, but never a corrupt image */
    CRASH_VIEW_OUTPUT,  /* no qcow2 image at all, or the content of before or after */
} CrashPromise;

typedef struct {
    const char *path;
    const char *format;   /* NULL: probed */
    const char *snapshot; /* NULL: the disk as it is now */
    CrashPromise promise;
    gboolean may_go; /* the file is removed by the operation */
    /* its dirty bitmaps are judged: each is kept, with all that changed, or says that it is lost;
     * the latter only where the operation was cut */
    gboolean bitmaps;
} CrashView;

#define CRASH_VIEWS_MAX 8

typedef struct {
    const char *name;
    /* Makes the files in an empty set of files; all that is there is durable. */
    void (*prepare)(SinterFs *fs);
    /* @again: on what a cut left of an earlier run, which may have been as good as done. */
    gboolean (*run)(SinterFs *fs, gboolean again, GError **error);
    const char *files[CRASH_VIEWS_MAX + 1]; /* that prepare makes; NULL ends them */
    CrashView views[CRASH_VIEWS_MAX + 1];   /* a NULL path ends them */
    /* Flushes that can be left out, and epochs that can change places, unharmed; each with its
     * reason beside the table. */
    guint n_idle_flushes;
    guint n_idle_swaps;
} CrashOperation;

/* All states; nothing may be lost. Returns how many there were, and says so in the test's log. */
guint64 crash_operation_test_states(const CrashOperation *operation, guint32 seed);

/* Every flush left out, every two epochs exchanged: damage is found each time but for the idle. */
void crash_operation_test_teeth(const CrashOperation *operation);

/*
 * Each call of storage fails once, in every way. An operation whose write or flush failed never
 * says that it is done; one that says so has done it; one that failed has lost nothing, and ends
 * well when it is run again. Returns how many calls failed.
 */
guint64 crash_operation_test_faults(const CrashOperation *operation);

/*
 * main() of a program that puts each of @n operations to these tests. None of them may say that it
 * is done after a write that failed, either.
 */
int crash_operation_main(int argc, char **argv, const CrashOperation *operations, gsize n);
