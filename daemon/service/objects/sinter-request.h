/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-options.h"
#include "sinter-planner.h"
#include "sinter-service.h"

G_BEGIN_DECLS

/**
 * SinterRequest:
 *
 * A method call on its way from a handler through the planner: the domain is read anew, so that
 * what is planned for is what is there now, then a plan is made and given to a function that
 * answers the call. Belongs to sinter_request_run() from then on. Main context.
 */
typedef struct _SinterRequest SinterRequest;

/* Answers the call: with sinter_request_fail(), or by completing a stolen @invocation. */
typedef void (*SinterRequestFunc)(SinterRequest *request, SinterPlan *plan);

struct _SinterRequest {
    SinterService *service;
    GDBusMethodInvocation *invocation;
    guint uid; /* of the caller */
    char *domain_uuid;
    SinterOptions options;    /* as the caller gave them; its strings live as long as we */
    SinterPlanRequest wanted; /* for the handler to fill in; its strings must live likewise */
    char *target;             /* (nullable): owned, for @wanted */
    char *destination;        /* (nullable): owned, for @wanted */
    GVariant *dictionary;     /* what @options was read from */
    SinterPlan *plan;         /* (nullable): set by the handler in place of @wanted, or made */
    SinterRequestFunc answer;
};

/* @invocation: (transfer full); @options: its dictionary, which the authority has checked */
SinterRequest *sinter_request_new(SinterService *service, GDBusMethodInvocation *invocation,
                                  const char *domain_uuid, GVariant *options);

void sinter_request_run(SinterRequest *request, SinterRequestFunc answer);

/* In a SinterRequestFunc: answers with @error (transfer full). */
void sinter_request_fail(SinterRequest *request, GError *error);

/* In place of sinter_request_run(): answers with @error (transfer full) and frees @request. */
void sinter_request_refuse(SinterRequest *request, GError *error);

/* Has the executor carry @plan out. (transfer full) (nullable): the paths of the jobs' objects,
 * which stand. */
GStrv sinter_request_submit(SinterRequest *request, SinterPlan *plan, GError **error);

/* As sinter_request_submit(), for a plan of one disk: that nothing is to be done is an error. */
char *sinter_request_submit_one(SinterRequest *request, SinterPlan *plan, GError **error);

G_END_DECLS
