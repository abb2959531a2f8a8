/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "sinter-options.h"

G_BEGIN_DECLS

/**
 * SinterAuthority:
 *
 * Decides which callers may call which methods. It checks every method call of every object: a call
 * reaches its handler only if the table of sinter-method.c has the method, its options are valid,
 * and
 *  - on the system bus: polkit authorizes the caller's bus name (or the caller created the object
 *    and the method's row allows its owner);
 *  - on a session bus: the caller has the daemon's own user ID.
 * Any other call, including one for which polkit fails, gets NotAuthorized. A user with too many
 * unanswered calls gets Busy. Everything runs on the main context; nothing blocks.
 */
#define SINTER_TYPE_AUTHORITY (sinter_authority_get_type())
G_DECLARE_FINAL_TYPE(SinterAuthority, sinter_authority, SINTER, AUTHORITY, GObject)

/* The number of unanswered calls that one user may have. */
#define SINTER_AUTHORITY_MAX_PENDING 256

/* @use_polkit: ask polkit (system bus); else allow only callers with our own user ID (session
 *   bus) */
SinterAuthority *sinter_authority_new(gboolean use_polkit);

/**
 * sinter_authority_guard:
 *
 * Makes the authority check all calls of @skeleton. Call before the skeleton is exported. The
 * skeleton's class then cannot bypass the check, so no handler is reached without one.
 */
void sinter_authority_guard(SinterAuthority *self, GDBusInterfaceSkeleton *skeleton);

/* Sets the user that created the object, for the rows that allow the owner. */
void sinter_authority_set_owner(GDBusInterfaceSkeleton *skeleton, guint uid);

/* An authorized call. */
typedef struct {
    guint uid;             /* the caller's user */
    SinterOptions options; /* the caller's options, checked against the method's row */
} SinterCall;

/* (transfer none): for handlers; valid as long as @invocation */
const SinterCall *sinter_authority_get_call(GDBusMethodInvocation *invocation);

G_END_DECLS
