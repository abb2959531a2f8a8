/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

#include "sinter-executor.h"
#include "sinter-policy-rules.h"
#include "sinter-service-context.h"

G_BEGIN_DECLS

/**
 * SinterConfig: the settings of sinter.conf, a plain value.
 *
 * Every key is listed once, in the table of sinter-config.c, with its default and range; a
 * configuration always holds a valid value of each.
 */
typedef struct {
    char *connection_uri; /* empty: the default for the mode */
    gboolean qmp_events;
    guint rescan_interval_sec; /* 0: none */
    SinterJobLimits limits;
    SinterPlanLimits plans;
    guint keep_incidents;      /* resolved incidents that are kept */
    guint warn_percent;        /* from this usage on, a lack of space is reported; 0: never */
    char *hook_folders;        /* absolute paths joined by ':'; empty: the default for the mode */
    guint hook_time_limit_sec; /* for one program */
    char *remedies; /* names of the remedies that may act, joined by ';', in the order in which
                     * they are tried; empty: none */
    GHashTable *remedy_values;       /* the settings of remedies, as text, by "GROUP/KEY" */
    SinterPolicyRules *policy_rules; /* the values that are set for policies */
    char *copy_folders;      /* absolute paths joined by ':': where the system daemon may create
                              * copies */
    char *reader_folders;    /* likewise: folders that may contain images that no domain names */
    char *exclusive_storage; /* shell patterns joined by ';': the paths of images that only this
                              * host uses */
    char *manager_names;  /* shell patterns joined by ';': the names of domains that other programs
                           * manage */
    char *plugin_folders; /* likewise: folders from which plugins are loaded at startup; empty:
                           * none */
} SinterConfig;

/* (transfer full): the defaults */
SinterConfig *sinter_config_new(void);
void sinter_config_free(SinterConfig *config);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SinterConfig, sinter_config_free)

/**
 * sinter_config_list_files:
 * @system: the system daemon's files, else the user's (XDG)
 * @only: (nullable): the one file to read instead of all others
 *
 * Returns: (transfer full) (element-type filename): the existing files in the order in which they
 * are read: the vendor's sinter.conf and conf.d (each *.conf by name), then the administrator's (or
 * the user's) likewise. Later files override earlier ones.
 */
GPtrArray *sinter_config_list_files(gboolean system, const char *only);

/**
 * sinter_config_read_file:
 * @config: its values are replaced by those of @path
 * @problems: (element-type utf8): receives one sentence for each group, key or value that is not
 *   understood; these are ignored and the previous value stays
 *
 * Returns: %FALSE with an INVALID_ARGUMENT error that names @path, if it cannot be read or is not a
 * key file; @config is then unchanged.
 */
gboolean sinter_config_read_file(SinterConfig *config, const char *path, GPtrArray *problems,
                                 GError **error);

/**
 * sinter_config_load:
 * @paths: (element-type filename): from sinter_config_list_files()
 * @problems: (element-type utf8): receives what is not understood, including files that cannot be
 *   read; these are ignored
 *
 * Returns: (transfer full): the settings of all files
 */
SinterConfig *sinter_config_load(GPtrArray *paths, GPtrArray *problems);

/* (transfer full): the settings of scans */
SinterScanSettings *sinter_config_dup_scan_settings(const SinterConfig *config);

/* Logs each problem as a warning. */
void sinter_config_log(GPtrArray *problems);

/**
 * sinter_config_adopt:
 * @config: the settings in use
 * @fresh: the newly read settings
 *
 * Applies the settings that can change while the daemon runs.
 *
 * Returns: (transfer full) (element-type utf8): the keys ("[jobs] max-per-host") that differ and
 * take effect at the next start
 */
GPtrArray *sinter_config_adopt(SinterConfig *config, const SinterConfig *fresh);

G_END_DECLS
