/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-service-context.h"

/*
 * A played daemon behind the objects: the test writes what is true and what fails, and reads what
 * was asked for. Refreshes end in a later turn of the main loop, as the daemon's do.
 */
#define PLAYED_TYPE_CONTEXT (played_context_get_type())
G_DECLARE_FINAL_TYPE(PlayedContext, played_context, PLAYED, CONTEXT, GObject)

struct _PlayedContext {
    GObject parent_instance;

    /* what is true */
    GPtrArray *domains; /* of SinterDomain */
    gboolean scanned;
    gboolean has_problems;
    SinterPlanLimits limits;
    const char *copy_folders;
    const char *job_on_disk; /* the id of the job on every disk, NULL for none */
    const char *new_job;     /* the id of the job that submit() starts, NULL: it starts none */
    GArray *usage;           /* what measuring gives, owned */

    /* (nullable): the next such call fails with it */
    GError *refresh_error;
    GError *measure_error;
    GError *examine_error; /* the next examination of the host fails with it */
    GError *submit_error;
    GError *job_error;
    GError *incident_error;

    /* called by a refresh before it ends: the world changes meanwhile */
    void (*meanwhile)(PlayedContext *self);

    /* what was asked for */
    guint n_refreshes;
    char *refreshed; /* the UUID of the last refresh, NULL for all domains */
    guint n_updates; /* emissions of "update-requested" */
    guint n_submits;
    SinterPlan *plan; /* of the last submit */
    SinterJobOptions options;
    guint n_cancels;
    char *asked_job; /* the id of the last request to a job */
    guint n_resolves;
    guint n_retries;
    char *choice;         /* of the last resolution of a job */
    char *remedy;         /* the last that was chosen */
    char *asked_incident; /* the id of the last request to an incident */
    guint64 bandwidth;
};

PlayedContext *played_context_new(void);

/* @world: domains as in plan-world.h; NULL for none */
void played_context_set_world(PlayedContext *self, const char *world);
