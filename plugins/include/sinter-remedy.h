/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * SECTION:remedy
 *
 * A remedy knows how to recover from one cause of I/O errors. Like a policy it is a pure function:
 * it does not read files, the clock or the environment.
 *
 * Units: bytes; times are microseconds since 1970. Errors: #GError of the domain %SINTER_ERROR.
 * Threads: operations are called from any thread, and concurrently.
 */

#include "sinter-event.h"
#include "sinter-model.h"
#include "sinter-proposal.h"

G_BEGIN_DECLS

/* The version of this interface. A remedy of another version is refused. */
#define SINTER_REMEDY_API_VERSION 2

/**
 * SinterRemedyQuestion:
 * @event: what happened
 * @domain: its state after @event
 * @disk: (nullable): the disk of @domain that @event refers to; %NULL if it is not known
 * @cause: the diagnosed cause, for example "file-system-full"; 'man sinter' lists them
 * @n_attempts: how many times this remedy was already started for this incident
 * @now_usec: the current time
 * @values: a value for each setting of the remedy, in the order of its table; never %NULL
 *
 * The caller owns all members. The remedy must not keep them.
 */
typedef struct {
    const SinterEvent *event;
    const SinterDomain *domain;
    const SinterDisk *disk;
    const char *cause;
    guint n_attempts;
    gint64 now_usec;
    const char *const *values;
} SinterRemedyQuestion;

/**
 * SinterRemedy:
 * @struct_size: sizeof(SinterRemedy) at build time
 * @api_version: %SINTER_REMEDY_API_VERSION at build time
 * @settings: (nullable): the settings for the administrator
 * @n_settings: number of settings
 * @propose: required; calls @func for each step, of any kind. Proposes nothing if the remedy does
 *   not apply to this event. Fails if the value of a setting is invalid, with INVALID_ARGUMENT and
 *   a message that names the setting
 */
typedef struct {
    gsize struct_size;
    guint api_version;
    const SinterPluginSetting *settings;
    guint n_settings;
    gboolean (*propose)(const SinterRemedyQuestion *question, SinterProposeFunc func,
                        gpointer user_data, GError **error);
} SinterRemedy;

G_END_DECLS
