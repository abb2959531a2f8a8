/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bus/sinter-object.h"
#include "sinter-wait-options.h"

G_BEGIN_DECLS

/**
 * SinterFollow:
 *
 * Starts jobs, one call after the other, and follows them to their ends. Handles progress bars, the
 * first Ctrl-C that cancels and the second that leaves, a deadline, and a restart of the daemon.
 * Used for one command.
 */
typedef struct _SinterFollow SinterFollow;

/* @client and @options must outlive it. INVALID_ARGUMENT for options that contradict each other. */
SinterFollow *sinter_follow_new(SinterClient *client, const SinterWaitOptions *options,
                                GError **error);
void sinter_follow_free(SinterFollow *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SinterFollow, sinter_follow_free)

/**
 * sinter_follow_add:
 * @what: "vm1" or "vm1 vda", for the user
 * @method: returns "(o)" or "(ao)": the jobs that were started; "()": a method of the job that it
 *   continues
 *
 * Queues a call that starts jobs. sinter_follow_run() makes the call.
 */
void sinter_follow_add(SinterFollow *self, const char *what, const SinterMethod *method);

/* Records the state of @disk (transfer full) before the jobs, so that its line at the end shows the
 * space that was freed. */
void sinter_follow_add_disk(SinterFollow *self, SinterObject *disk);

/* Makes the calls and waits. Returns the exit status. */
int sinter_follow_run(SinterFollow *self);

guint sinter_follow_get_n_jobs(const SinterFollow *self);

/* (transfer none) (nullable): the properties of job @i as last seen; %NULL if it was not read */
const SinterProperties *sinter_follow_get_job(const SinterFollow *self, guint i);

/* (transfer full): the current state of all jobs, as a JSON array */
JsonNode *sinter_follow_to_json(SinterFollow *self);

G_END_DECLS
