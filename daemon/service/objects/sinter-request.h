/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-options.h"
#include "sinter-service-context.h"

G_BEGIN_DECLS

/**
 * SinterRequest:
 *
 * A method call on its way from a handler through the planner: the domain is read again, so that
 * the plan is made for its present state, then the plan is passed to a function that answers the
 * call. sinter_request_run() takes ownership. Main context.
 */
typedef struct _SinterRequest SinterRequest;

/* Answers the call: with sinter_request_fail(), or by completing @invocation after stealing it. */
typedef void (*SinterRequestFunc)(SinterRequest *request, SinterPlan *plan);

struct _SinterRequest {
    SinterServiceContext *context;
    gpointer object; /* the called object; a reference */
    GDBusMethodInvocation *invocation;
    guint uid;             /* the caller's user ID */
    SinterOptions options; /* the caller's options; the handler completes the part for the
                            * planner */
    char *domain_uuid;
    char *target;      /* (nullable): owned, for @options.wanted: a disk or a snapshot */
    char *destination; /* (nullable): owned, for @options.wanted */
    SinterPlan *plan;  /* (nullable): set by the handler instead of @options.wanted, or made from
                        * it */
    SinterRequestFunc answer;
    guint watch_id; /* of the caller, or 0 */
    guint begin_id; /* of the source that begins the request, or 0 */
    gboolean begun;
    gboolean caller_gone; /* nobody waits for the answer: no job may begin */
};

/* @object: the called object; @invocation: (transfer full): as dispatched by the authority */
SinterRequest *sinter_request_new(SinterServiceContext *context, gpointer object,
                                  GDBusMethodInvocation *invocation, const char *domain_uuid);

void sinter_request_run(SinterRequest *request, SinterRequestFunc answer);

/* For a SinterRequestFunc: answers with @error (transfer full). */
void sinter_request_fail(SinterRequest *request, GError *error);

/* Instead of sinter_request_run(): answers with @error (transfer full) and frees @request. */
void sinter_request_refuse(SinterRequest *request, GError *error);

/* Submits @plan to the executor, unless the caller has ended meanwhile (CANCELLED): what was given
 * up while the daemon was busy must not begin later. (transfer full) (nullable): the paths of the
 * jobs' objects, which are already exported. */
GStrv sinter_request_submit(SinterRequest *request, SinterPlan *plan, GError **error);

/* As sinter_request_submit(), for a plan of one disk: fails if there is nothing to do. */
char *sinter_request_submit_one(SinterRequest *request, SinterPlan *plan, GError **error);

G_END_DECLS
