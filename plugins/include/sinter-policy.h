/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * SECTION:policy
 *
 * A policy proposes when to consolidate the chain of a disk. It is a pure function: the same
 * question gives the same proposals. It does not read files, the clock or the environment.
 *
 * Units: bytes; times are microseconds since 1970. Errors: #GError of the domain %SINTER_ERROR.
 * Threads: operations are called from any thread, and concurrently.
 */

#include "sinter-model.h"
#include "sinter-proposal.h"

G_BEGIN_DECLS

/* The version of this interface. A policy of another version is refused. */
#define SINTER_POLICY_API_VERSION 2

/**
 * SinterPolicyQuestion:
 * @domain: its last known state
 * @disk: the disk of @domain to decide about
 * @now_usec: the current time
 * @values: a value for each setting of the policy, in the order of its table; never %NULL
 *
 * The caller owns all members. The policy must not keep them.
 */
typedef struct {
    const SinterDomain *domain;
    const SinterDisk *disk;
    gint64 now_usec;
    const char *const *values;
} SinterPolicyQuestion;

/**
 * SinterPolicy:
 * @struct_size: sizeof(SinterPolicy) at build time
 * @api_version: %SINTER_POLICY_API_VERSION at build time
 * @settings: (nullable): the settings for the administrator
 * @n_settings: number of settings
 * @propose: required; calls @func for each step: CONSOLIDATE or REPORT. Usually it proposes
 *   nothing. Fails if the value of a setting is invalid, with INVALID_ARGUMENT and a message that
 *   names the setting
 */
typedef struct {
    gsize struct_size;
    guint api_version;
    const SinterPluginSetting *settings;
    guint n_settings;
    gboolean (*propose)(const SinterPolicyQuestion *question, SinterProposeFunc func,
                        gpointer user_data, GError **error);
} SinterPolicy;

G_END_DECLS
