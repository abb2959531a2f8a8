/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-options.h"
#include "sinter-service-context.h"

G_BEGIN_DECLS

/**
 * SinterRequest:
 *
 * A method call on its way from a handler through the planner: the domain is read anew, so that
 * the plan is made for its present state, then the plan is given to a function that answers the
 * call. Owned by sinter_request_run() from then on. Main context.
 */
typedef struct _SinterRequest SinterRequest;

/* Answers the call: with sinter_request_fail(), or by completing a stolen @invocation. */
typedef void (*SinterRequestFunc)(SinterRequest *request, SinterPlan *plan);

struct _SinterRequest {
    SinterServiceContext *context;
    gpointer object; /* the object that was called; a reference */
    GDBusMethodInvocation *invocation;
    guint uid;             /* of the caller */
    SinterOptions options; /* the caller's; the handler completes its part for the planner */
    char *domain_uuid;
    char *target;      /* (nullable): owned, for @options.wanted */
    char *destination; /* (nullable): owned, for @options.wanted */
    SinterPlan *plan;  /* (nullable): set by the handler in place of @options.wanted, or made */
    SinterRequestFunc answer;
};

/* @object: the object that was called; @invocation: (transfer full): as the authority dispatched
 * it */
SinterRequest *sinter_request_new(SinterServiceContext *context, gpointer object,
                                  GDBusMethodInvocation *invocation, const char *domain_uuid);

void sinter_request_run(SinterRequest *request, SinterRequestFunc answer);

/* In a SinterRequestFunc: answers with @error (transfer full). */
void sinter_request_fail(SinterRequest *request, GError *error);

/* In place of sinter_request_run(): answers with @error (transfer full) and frees @request. */
void sinter_request_refuse(SinterRequest *request, GError *error);

/* Has the executor carry @plan out. (transfer full) (nullable): the paths of the jobs' objects,
 * which are exported. */
GStrv sinter_request_submit(SinterRequest *request, SinterPlan *plan, GError **error);

/* As sinter_request_submit(), for a plan of one disk: it is an error when nothing is to be done. */
char *sinter_request_submit_one(SinterRequest *request, SinterPlan *plan, GError **error);

G_END_DECLS
