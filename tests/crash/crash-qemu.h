/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Crash states put before qemu-img, and the line by which the sum over all tests is made. */

#include "io/sinter-io.h"

/*
 * What qemu-img check has against @image, of the files @names (NULL-terminated, without folders),
 * of which some may not be there. NULL: nothing but leaks; or there is no qemu-img.
 */
char *crash_qemu_check(SinterFs *fs, const char *const *names, const char *image);

/* One line for the summary: "crash states of merge: 4711 distinct, 0 lost". */
void crash_say_count(const char *operation, guint64 states, guint64 lost);
