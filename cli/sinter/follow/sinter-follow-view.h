/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-bar.h"
#include "sinter-job-track.h"

G_BEGIN_DECLS

/**
 * SinterFollowView:
 *
 * What a user sees while jobs are followed: bars and remarks on standard error, results on
 * standard output, neither in the other's way.
 */
typedef struct _SinterFollowView SinterFollowView;

SinterFollowView *sinter_follow_view_new(const SinterClient *client, gboolean verbose);
void sinter_follow_view_free(SinterFollowView *view);

/* A remark that is always made, on standard error. */
void sinter_follow_view_say(SinterFollowView *view, const char *format, ...) G_GNUC_PRINTF(2, 3);

/* A result, on standard output, unless the user wants JSON or silence. */
void sinter_follow_view_print(SinterFollowView *view, const char *format, ...) G_GNUC_PRINTF(2, 3);

/* That a job was started, which is all that is told of it: only its id if the user wants silence.
 */
void sinter_follow_view_print_started(SinterFollowView *view, const SinterJobTrack *track);

/* Shows how far @track is: its bar, and its phase when that is new and the user wants to know. */
void sinter_follow_view_show(SinterFollowView *view, SinterJobTrack *track);

/* Takes its bar away. */
void sinter_follow_view_drop(SinterFollowView *view, const SinterJobTrack *track);

G_END_DECLS
