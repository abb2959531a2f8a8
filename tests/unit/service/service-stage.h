/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bus-fixture.h"
#include "played-context.h"
#include "sinter-publisher.h"

/* A bus, on it a publisher that serves our own user, and behind it a played context. */
typedef struct {
    BusFixture bus;
    PlayedContext *context;
    SinterPublisher *publisher;
} ServiceStage;

/* First thing in main(), see bus_fixture_init(). */
void service_stage_init(int *argc, char ***argv);

/* @world: as in plan-world.h; NULL for no domains */
void service_stage_set_up(ServiceStage *stage, const char *world);
void service_stage_tear_down(ServiceStage *stage);

/* (transfer none): the context as its users take it */
SinterServiceContext *service_stage_get_context(ServiceStage *stage);

/**
 * service_stage_call:
 * @method: "Domain.Plan", the interface's last word and the method
 * @arguments: as GVariant text
 *
 * Calls a method as a client does, and waits for the answer.
 *
 * Returns: (transfer full) (nullable): the reply
 */
GVariant *service_stage_call(ServiceStage *stage, const char *path, const char *method,
                             const char *arguments, GError **error);

/* (transfer full): the reply, as GVariant text; the call must succeed */
char *service_stage_ask(ServiceStage *stage, const char *path, const char *method,
                        const char *arguments);

/* Whether an object stands at @path, as a client sees it. */
gboolean service_stage_has_object(ServiceStage *stage, const char *path);
