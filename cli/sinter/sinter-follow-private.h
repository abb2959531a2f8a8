/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-follow-view.h"
#include "sinter-follow.h"

G_BEGIN_DECLS

/* What the files of SinterFollow share: sinter-follow.c begins and ends it, sinter-follow-jobs.c
 * hears of jobs, sinter-follow-end.c of the user, the clock and a daemon that comes and goes. */

/* A call that starts jobs. */
typedef struct {
    char *what;
    char *path;
    const char *interface;
    const char *method;
    GVariant *arguments;
    GVariant *options;
    const char *reply_type;
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

/* Reads all of a job from the daemon; from then on its signals count. */
void sinter_follow_read_job(SinterFollow *self, SinterJobTrack *track);

/* Asks the daemon to cancel it. */
void sinter_follow_cancel_job(SinterFollow *self, SinterJobTrack *track);

void sinter_follow_start_free(gpointer start);

/* Callbacks; the last argument is the SinterFollow. */
void sinter_follow_on_job_signal(GDBusConnection *bus, const char *sender, const char *path,
                                 const char *interface, const char *signal, GVariant *parameters,
                                 gpointer user_data);
void sinter_follow_on_disk_signal(GDBusConnection *bus, const char *sender, const char *path,
                                  const char *interface, const char *signal, GVariant *parameters,
                                  gpointer user_data);
gboolean sinter_follow_on_interrupt(gpointer user_data);
gboolean sinter_follow_on_deadline(gpointer user_data);
void sinter_follow_on_appeared(GDBusConnection *bus, const char *name, const char *owner,
                               gpointer user_data);
void sinter_follow_on_vanished(GDBusConnection *bus, const char *name, gpointer user_data);

/* A reply about a job, for a follow and a job that live until no reply is due. */
typedef struct {
    SinterFollow *self;
    SinterJobTrack *track;
} SinterFollowReply;

SinterFollowReply *sinter_follow_reply_new(SinterFollow *self, SinterJobTrack *track);

G_END_DECLS
