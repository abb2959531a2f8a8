/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * SECTION:policy
 *
 * A policy says when the chain of a disk should be consolidated. It is a pure function: the same
 * question gives the same proposals. It reads no file, no clock and no environment.
 *
 * Units: bytes; times are microseconds since 1970. Errors: #GError of the domain %SINTER_ERROR.
 * Threads: operations are called from any thread, and from several at once.
 */

#include "sinter-model.h"
#include "sinter-proposal.h"

G_BEGIN_DECLS

/* The version of this interface. A policy of another version is refused. */
#define SINTER_POLICY_API_VERSION 1

/**
 * SinterPolicyQuestion:
 * @domain: as it was seen last
 * @disk: the disk of @domain that is asked about
 * @now_usec: the present time
 * @values: a value for each setting of the policy, in the order of its table; never %NULL
 *
 * All of it belongs to the caller, and must not be kept.
 */
typedef struct {
    const SinterDomain *domain;
    const SinterDisk *disk;
    gint64 now_usec;
    const char *const *values;
} SinterPolicyQuestion;

/**
 * SinterPolicy:
 * @struct_size: sizeof(SinterPolicy), as the policy was built
 * @api_version: %SINTER_POLICY_API_VERSION, likewise
 * @settings: (nullable): what an administrator can set
 * @n_settings: how many
 * @propose: required; calls @func for each step: CONSOLIDATE or REPORT. To propose nothing is the
 *   usual answer. Fails where a value makes no sense, with INVALID_ARGUMENT and a message that
 * names the setting
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
