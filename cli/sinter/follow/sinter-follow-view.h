/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-bar.h"
#include "sinter-job-track.h"

G_BEGIN_DECLS

/**
 * SinterFollowView:
 *
 * The output while jobs are followed: bars and messages on standard error, results on standard
 * output, without mixing them on the terminal.
 */
typedef struct _SinterFollowView SinterFollowView;

SinterFollowView *sinter_follow_view_new(const SinterClient *client, gboolean verbose);
void sinter_follow_view_free(SinterFollowView *view);

/* Prints a message to standard error, also in quiet mode. */
void sinter_follow_view_say(SinterFollowView *view, const char *format, ...) G_GNUC_PRINTF(2, 3);

/* Prints a result to standard output, unless JSON or quiet mode is selected. */
void sinter_follow_view_print(SinterFollowView *view, const char *format, ...) G_GNUC_PRINTF(2, 3);

/* Prints that a job was started, if the command does not wait for it: in quiet mode only its id. */
void sinter_follow_view_print_started(SinterFollowView *view, const SinterJobTrack *track);

/* Shows the progress of @track: its bar, and its phase if that is new and verbose output is
 * selected. */
void sinter_follow_view_show(SinterFollowView *view, SinterJobTrack *track);

/* Removes the bar of @track. */
void sinter_follow_view_drop(SinterFollowView *view, const SinterJobTrack *track);

G_END_DECLS
