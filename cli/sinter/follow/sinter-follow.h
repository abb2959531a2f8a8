/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bus/sinter-object.h"
#include "sinter-wait-options.h"

G_BEGIN_DECLS

/**
 * SinterFollow:
 *
 * Starts jobs, one call after the other, and follows them to their ends: progress bars, the first
 * Ctrl-C that cancels and the second that leaves, a deadline, a daemon that goes away and comes
 * back. Lives for one command.
 */
typedef struct _SinterFollow SinterFollow;

/* @client and @options must live as long. INVALID_ARGUMENT for options that make no sense. */
SinterFollow *sinter_follow_new(SinterClient *client, const SinterWaitOptions *options,
                                GError **error);
void sinter_follow_free(SinterFollow *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SinterFollow, sinter_follow_free)

/**
 * sinter_follow_add:
 * @what: "vm1" or "vm1 vda", for the user
 * @method: returns "(o)" or "(ao)": the jobs that were started
 *
 * A call that starts jobs. It is made by sinter_follow_run().
 */
void sinter_follow_add(SinterFollow *self, const char *what, const SinterMethod *method);

/* Takes note of how @disk (transfer full) is before the jobs, so that its line at the end says
 * what was won. */
void sinter_follow_add_disk(SinterFollow *self, SinterObject *disk);

/* Makes the calls and waits. (transfer none): returns the exit status. */
int sinter_follow_run(SinterFollow *self);

/* (transfer full): all jobs as they are now, a JSON array */
JsonNode *sinter_follow_to_json(SinterFollow *self);

G_END_DECLS
