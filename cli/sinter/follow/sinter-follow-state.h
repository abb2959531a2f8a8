/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-follow-view.h"
#include "sinter-wait-options.h"

G_BEGIN_DECLS

/* The state that is shared by the parts of SinterFollow. Each part uses only those before it: this
 * state; sinter-follow-jobs.c, which handles jobs; sinter-follow-end.c, which handles
 * interruptions, the deadline and the exit of the daemon; and sinter-follow.c, which starts
 * everything. */

typedef struct _SinterFollow SinterFollow;

/* A call that starts jobs. */
typedef struct {
    char *what;
    SinterMethod method;
} SinterFollowStart;

/* The effect of the user's interruptions so far. */
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
    gboolean starting;  /* a call is in progress */
    GPtrArray *tracks;  /* of SinterJobTrack */
    GHashTable *disks;  /* object path → SinterDiskTrack */
    char *owner;        /* the daemon's unique name; NULL while it is not running */
    guint watch_id;     /* of the daemon's name */
    guint interrupt_id; /* SIGINT */
    guint deadline_id;
    guint away_id; /* while the daemon is not running */
    SinterFollowWish wish;
    guint n_cancelling; /* requests to cancel without a reply yet */
    int status;
};

/* Returns whether the command waits for the ends of its jobs. */
gboolean sinter_follow_waits(const SinterFollow *self);

/* Adds a result: the status of the command is the worst of failed, refused, cancelled, done. */
void sinter_follow_note_status(SinterFollow *self, int status);

/* Ends the command immediately, even if jobs still run. */
void sinter_follow_leave(SinterFollow *self, int status);

/* Ends the command if nothing is pending. */
void sinter_follow_finish_when_idle(SinterFollow *self);

guint sinter_follow_count_open(SinterFollow *self);

/* (transfer full): the jobs that are not closed: "job 7", "jobs 7, 8" */
char *sinter_follow_name_open_jobs(SinterFollow *self);

void sinter_follow_start_free(gpointer start);

G_END_DECLS
