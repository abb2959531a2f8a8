/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "sinter-options.h"

G_BEGIN_DECLS

/**
 * SinterAuthority:
 *
 * Who may call what. Stands before every method of every object: a call reaches its handler only
 * when the table of sinter-method.c has the method, its options are in order, and
 *  - on the system bus: polkit says yes of the caller's bus name (or the caller made the object
 *    and the method's row lets that do);
 *  - on a session bus: the caller is of our own user.
 * Anything else, an error of polkit included, is NotAuthorized. A user who has too many calls in
 * the air gets Busy. All on the main context; nothing blocks.
 */
#define SINTER_TYPE_AUTHORITY (sinter_authority_get_type())
G_DECLARE_FINAL_TYPE(SinterAuthority, sinter_authority, SINTER, AUTHORITY, GObject)

/* Calls of one user that may be unanswered at once. */
#define SINTER_AUTHORITY_MAX_PENDING 256

/* @use_polkit: ask polkit (system bus); else callers of our own user only (session bus) */
SinterAuthority *sinter_authority_new(gboolean use_polkit);

/**
 * sinter_authority_guard:
 *
 * Puts the authority before @skeleton. To be called before it is exported. Its class then has no
 * way around the check, so that a handler cannot be reached unasked.
 */
void sinter_authority_guard(SinterAuthority *self, GDBusInterfaceSkeleton *skeleton);

/* Says which user made the object, for the rows that let the owner do. */
void sinter_authority_set_owner(GDBusInterfaceSkeleton *skeleton, guint uid);

/* A call that was let through. */
typedef struct {
    guint uid;             /* the caller's user */
    SinterOptions options; /* what the caller gave, checked against the method's row */
} SinterCall;

/* (transfer none): for handlers; lives as long as @invocation */
const SinterCall *sinter_authority_get_call(GDBusMethodInvocation *invocation);

G_END_DECLS
