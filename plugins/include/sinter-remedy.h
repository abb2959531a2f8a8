/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * SECTION:remedy
 *
 * A remedy knows one cause of I/O errors and what helps. It is a pure function, as a policy is: it
 * reads no file, no clock and no environment.
 *
 * Units: bytes; times are microseconds since 1970. Errors: #GError of the domain %SINTER_ERROR.
 * Threads: operations are called from any thread, and from several at once.
 */

#include "sinter-event.h"
#include "sinter-model.h"
#include "sinter-proposal.h"

G_BEGIN_DECLS

/* The version of this interface. A remedy of another version is refused. */
#define SINTER_REMEDY_API_VERSION 1

/**
 * SinterRemedyQuestion:
 * @event: what happened
 * @domain: as it was seen after @event
 * @disk: (nullable): the disk of @domain that @event is about; %NULL where that is not known
 * @n_attempts: how often this remedy was tried for this disk already, without success
 * @now_usec: the present time
 * @values: a value for each setting of the remedy, in the order of its table; never %NULL
 *
 * All of it belongs to the caller, and must not be kept.
 */
typedef struct {
    const SinterEvent *event;
    const SinterDomain *domain;
    const SinterDisk *disk;
    guint n_attempts;
    gint64 now_usec;
    const char *const *values;
} SinterRemedyQuestion;

/**
 * SinterRemedy:
 * @struct_size: sizeof(SinterRemedy), as the remedy was built
 * @api_version: %SINTER_REMEDY_API_VERSION, likewise
 * @settings: (nullable): what an administrator can set
 * @n_settings: how many
 * @propose: required; calls @func for each step, of any kind. To propose nothing means that the
 *   remedy is not for this event. Fails where a value makes no sense, with INVALID_ARGUMENT and a
 *   message that names the setting
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
