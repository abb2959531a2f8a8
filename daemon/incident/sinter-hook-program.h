/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* The output of a program that is logged; a program that prints more is killed. */
#define SINTER_HOOK_MAX_OUTPUT (64 * 1024)

typedef struct {
    guint uid; /* the user and group that programs run as; 0: those of the daemon */
    guint gid;
    guint time_limit_msec;
} SinterHookLimits;

/**
 * sinter_hook_program_run:
 * @path: absolute, without symbolic links
 * @json: its standard input
 *
 * Runs a program without privileges, in an own process group and in the directory "/", and logs
 * each line that it prints. When it ends, and when it is killed because of a limit, its process
 * group is killed. Blocking, any thread.
 *
 * Returns: %FALSE if it could not be started or ended with another status than 0 (FAILED), other
 * users can change it (NOT_AUTHORIZED), it exceeded the time limit (TIMED_OUT), or it printed more
 * than %SINTER_HOOK_MAX_OUTPUT bytes (FAILED)
 */
gboolean sinter_hook_program_run(const char *path, const char *json, const SinterHookLimits *limits,
                                 GError **error);

G_END_DECLS
