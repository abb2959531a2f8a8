/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Named moments in the life of a job, at which tests end a process (tests/live/crash-points.c). A
 * program has no such function of its own, so that nothing happens there, unless a library that
 * defines it was preloaded.
 */
extern void sinter_point_reached(const char *name) __attribute__((weak));

/* @name: unique in the sources; tests/live/test_crash_table.py lists all of them */
#define SINTER_POINT(name)                                                                         \
    do {                                                                                           \
        if (sinter_point_reached)                                                                  \
            sinter_point_reached(name);                                                            \
    } while (0)
