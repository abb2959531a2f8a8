/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Runs a job's thread for a test. Invariant: no call reaches the host before it knows the job's
 * mailbox, and it forgets the mailbox with the job.
 */

#include "played-job.h"

#include "sinter-job-kinds.h"

#include <glib/gstdio.h>

/* So short that a test does not wait for it. */
#define LOOK_USEC 1000

void
played_job_init(PlayedJob *self, PlayedHost *host)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *jobs = NULL;

    self->host = host;
    g_mutex_init(&self->lock);
    g_cond_init(&self->cond);
    self->folder = g_dir_make_tmp("sinter-job-XXXXXX", &error);
    g_assert_no_error(error);
    jobs = g_build_filename(self->folder, "jobs", NULL);
    self->store = sinter_job_store_new(jobs, &error);
    g_assert_no_error(error);
    self->record = sinter_job_record_new();
    self->record->id = sinter_job_store_new_id(self->store);
    self->record->domain_uuid = g_strdup("this");
    self->record->domain_name = g_strdup("this");
}

static void
remove_tree(const char *path)
{
    g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
    const char *name;

    while (dir && (name = g_dir_read_name(dir))) {
        g_autofree char *below = g_build_filename(path, name, NULL);

        remove_tree(below);
    }
    g_remove(path);
}

void
played_job_clear(PlayedJob *self)
{
    remove_tree(self->folder);
    g_free(self->folder);
    sinter_job_store_free(self->store);
    sinter_job_record_free(self->record);
    g_clear_pointer(&self->last, sinter_job_record_free);
    g_mutex_clear(&self->lock);
    g_cond_clear(&self->cond);
}

static void
on_published(const SinterJobRecord *record, const SinterJobProgress *progress, gboolean ended,
             gpointer user_data)
{
    PlayedJob *self = user_data;

    g_mutex_lock(&self->lock);
    g_clear_pointer(&self->last, sinter_job_record_free);
    self->last = sinter_job_record_copy(record);
    self->ended = ended;
    g_cond_signal(&self->cond);
    g_mutex_unlock(&self->lock);
}

SinterJobRun *
played_job_start(PlayedJob *self, const SinterJobContext *context, SinterJobRecord *record)
{
    SinterJobContext whole = *context;
    SinterJobRun *job;

    whole.virt = &self->host->parent;
    whole.store = self->store;
    whole.poll_usec = LOOK_USEC;
    whole.retry_usec = LOOK_USEC;
    whole.func = on_published;
    whole.user_data = self;
    self->ended = FALSE;
    g_mutex_lock(&self->host->lock);
    job = sinter_job_run_start(&whole, sinter_job_kinds_for_record(record), record);
    self->host->mailbox = sinter_job_run_get_mailbox(job);
    g_mutex_unlock(&self->host->lock);
    return job;
}

void
played_job_admit(PlayedJob *self)
{
    sinter_mailbox_post(self->host->mailbox, SINTER_MESSAGE_ADMIT);
}

void
played_job_await(PlayedJob *self, gboolean (*condition)(const SinterJobRecord *last))
{
    g_mutex_lock(&self->lock);
    while (!self->ended && (!self->last || !condition(self->last)))
        g_cond_wait(&self->cond, &self->lock);
    g_assert_true(condition(self->last));
    g_mutex_unlock(&self->lock);
}

void
played_job_join(PlayedJob *self, SinterJobRun *job)
{
    sinter_job_run_join(job);
    self->host->mailbox = NULL;
}

SinterPhase
played_job_end(PlayedJob *self, SinterJobRun *job)
{
    g_mutex_lock(&self->lock);
    while (!self->ended)
        g_cond_wait(&self->cond, &self->lock);
    g_mutex_unlock(&self->lock);
    played_job_join(self, job);
    return self->last->phase;
}

GPtrArray *
played_job_load(PlayedJob *self)
{
    g_autoptr(GError) error = NULL;
    GPtrArray *records = sinter_job_store_load(self->store, &error);

    g_assert_no_error(error);
    return records;
}

SinterJobRecord *
played_job_load_only(PlayedJob *self)
{
    g_autoptr(GPtrArray) records = played_job_load(self);

    g_assert_cmpuint(records->len, ==, 1);
    return sinter_job_record_copy(records->pdata[0]);
}
