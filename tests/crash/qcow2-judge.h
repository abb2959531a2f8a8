/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A second opinion on a qcow2 image, for tests: counts all references anew, in the plainest way,
 * and compares. It shares the on-disk layout with the engine and nothing else.
 */

#include "io/sinter-io.h"

typedef struct {
    guint corruptions; /* too few counts, COPIED that lies, places that cannot be */
    guint leaks;
    char *first; /* the first corruption, in words; NULL: none */
} Judgement;

/* TRUE: no corruption. Free with judgement_clear(). */
gboolean qcow2_judge(SinterIo *io, Judgement *ret);
void judgement_clear(Judgement *self);

/* Fails the test where the image at @path is not sound. */
void qcow2_assert_sound(SinterFs *fs, const char *path, gboolean leaks_allowed);
