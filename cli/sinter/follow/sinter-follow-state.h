/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-follow-view.h"
#include "sinter-wait-options.h"

G_BEGIN_DECLS

/* What the parts of SinterFollow share, each using only those before it: this state,
 * sinter-follow-jobs.c, which handles jobs, sinter-follow-end.c, which handles the user, the clock
 * and a daemon that comes and goes, and sinter-follow.c, which starts everything. */

typedef struct _SinterFollow SinterFollow;

/* A call that starts jobs. */
typedef struct {
    char *what;
    SinterMethod method;
} SinterFollowStart;

/* What a user's wish to end has come to. */
typedef enum {
    SINTER_FOLLOW_ON,
    SINTER_FOLLOW_CANCEL, /* the daemon was asked to cancel */
    SINTER_FOLLOW_LEAVE,  /* the jobs are left to the daemon */
} SinterFollowWish;

struct _SinterFollow {
    SinterClient *client;
    const SinterWaitOptions *options;
    SinterFollowView *view;
    GMainLoop *loop;
    GQueue starts;      /* of SinterFollowStart, not yet called */
    gboolean starting;  /* a call is under way */
    GPtrArray *tracks;  /* of SinterJobTrack */
    GHashTable *disks;  /* object path → SinterDiskTrack */
    char *owner;        /* the daemon's unique name; NULL while it is away */
    guint watch_id;     /* of the daemon's name */
    guint interrupt_id; /* SIGINT */
    guint deadline_id;
    guint away_id; /* while the daemon is away */
    SinterFollowWish wish;
    guint n_cancelling; /* requests to cancel that have no answer */
    int status;
};

/* Whether the command waits for the ends of its jobs. */
gboolean sinter_follow_waits(const SinterFollow *self);

/* The worst of several outcomes is the command's: failed, refused, cancelled, done. */
void sinter_follow_note_status(SinterFollow *self, int status);

/* Ends the command now, whatever goes on. */
void sinter_follow_leave(SinterFollow *self, int status);

/* Ends the command if nothing more is to come. */
void sinter_follow_finish_when_idle(SinterFollow *self);

guint sinter_follow_count_open(SinterFollow *self);

/* (transfer full): those that are not closed: "job 7", "jobs 7, 8" */
char *sinter_follow_name_open_jobs(SinterFollow *self);

void sinter_follow_start_free(gpointer start);

G_END_DECLS
