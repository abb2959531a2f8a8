/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

#include "sinter-executor.h"
#include "sinter-service-context.h"

G_BEGIN_DECLS

/**
 * SinterConfig: the settings of sinter.conf, a plain value.
 *
 * Every key stands once, in the table of sinter-config.c, with its default and range; a
 * configuration always holds a valid value of each.
 */
typedef struct {
    char *connection_uri; /* empty: the default of the mode */
    gboolean qmp_events;
    guint rescan_interval_sec; /* 0: none */
    SinterJobLimits limits;
    SinterPlanLimits plans;
    char *copy_folders;   /* absolute, joined by ':': where the system's daemon puts copies */
    char *plugin_folders; /* likewise: whose plugins are loaded at the start; empty: none */
} SinterConfig;

/* (transfer full): the defaults */
SinterConfig *sinter_config_new(void);
void sinter_config_free(SinterConfig *config);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SinterConfig, sinter_config_free)

/**
 * sinter_config_list_files:
 * @system: the system daemon's places, else the user's (XDG)
 * @only: (nullable): the one file to read in place of all others
 *
 * Returns: (transfer full) (element-type filename): the files that are there, in the order in
 * which they are read: the vendor's sinter.conf and conf.d (each *.conf by name), then the
 * administrator's (the user's) likewise. Later ones win.
 */
GPtrArray *sinter_config_list_files(gboolean system, const char *only);

/**
 * sinter_config_read_file:
 * @config: its values are replaced by those of @path
 * @problems: (element-type utf8): takes one sentence for each group, key or value that is not
 *   understood; these are left out and the value before stays
 *
 * Returns: %FALSE with an INVALID_ARGUMENT error that names @path, when it cannot be read or is no
 * key file; @config is then as it was.
 */
gboolean sinter_config_read_file(SinterConfig *config, const char *path, GPtrArray *problems,
                                 GError **error);

/**
 * sinter_config_load:
 * @paths: (element-type filename): as sinter_config_list_files() gives them
 * @problems: (element-type utf8): takes what is not understood, files that cannot be read
 *   included: these are left out
 *
 * Returns: (transfer full): the settings of all files
 */
SinterConfig *sinter_config_load(GPtrArray *paths, GPtrArray *problems);

/* Logs each problem as a warning. */
void sinter_config_log(GPtrArray *problems);

/**
 * sinter_config_adopt:
 * @config: the settings in use
 * @fresh: the settings as they stand now
 *
 * Takes over what can change while running.
 *
 * Returns: (transfer full) (element-type utf8): the keys ("[jobs] max-per-host") that differ and
 * wait for the next start
 */
GPtrArray *sinter_config_adopt(SinterConfig *config, const SinterConfig *fresh);

G_END_DECLS
