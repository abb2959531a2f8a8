/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "played-host.h"
#include "sinter-job-run.h"

/**
 * PlayedJob:
 *
 * A job on a played host: its store in a folder of the test's own, and what it publishes.
 */
typedef struct {
    PlayedHost *host;
    char *folder;
    SinterJobStore *store;
    SinterJobRecord *record; /* as to be submitted; the test adds the plan */
    SinterJobRecord *last;   /* as last published */
    GMutex lock;             /* guards last and ended */
    GCond cond;
    gboolean ended;
} PlayedJob;

void played_job_init(PlayedJob *self, PlayedHost *host);

/* Removes the folder, with all that is in it. */
void played_job_clear(PlayedJob *self);

/* @record: (transfer full): where the job begins. @context: what it may be given beside host and
 * store. */
SinterJobRun *played_job_start(PlayedJob *self, const SinterJobContext *context,
                               SinterJobRecord *record);

/* Lets a job out of the queue. */
void played_job_admit(PlayedJob *self);

/* Until what was published last is good enough for @condition, or the job has ended. */
void played_job_await(PlayedJob *self, gboolean (*condition)(const SinterJobRecord *last));

/* Until the thread has ended, which is at the job's end or when it was stopped. */
void played_job_join(PlayedJob *self, SinterJobRun *job);

/* Until the job has ended, and its thread. */
SinterPhase played_job_end(PlayedJob *self, SinterJobRun *job);

/* (transfer full): the records that another daemon would find */
GPtrArray *played_job_load(PlayedJob *self);

/* (transfer full): the one record that it would find */
SinterJobRecord *played_job_load_only(PlayedJob *self);
