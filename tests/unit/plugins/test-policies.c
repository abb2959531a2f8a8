/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The built-in policies: what each proposes for a disk and its settings. */

#include <string.h>

#include "sinter-error.h"
#include "sinter-plugin-ask.h"
#include "sinter-plugin-registry.h"

#define MAX_VALUES 8

/* @step: the proposed step, "" for none; of a wrong setting: its name */
typedef struct {
    const char *policy;
    guint n_layers;
    const char *values[MAX_VALUES];
    const char *step;
    guint keep;
} Row;

static const Row rows[] = {
    { "policy-depth", 200, { "0", "", "no" }, "", 0 },
    { "policy-depth", 200, { "0", "5", "no" }, "", 0 },
    { "policy-depth", 3, { "3", "", "no" }, "", 0 },
    { "policy-depth", 4, { "3", "", "no" }, "consolidate", 2 },
    { "policy-depth", 4, { "3", "0", "no" }, "consolidate", 0 },
    { "policy-depth", 9, { "8", "2", "no" }, "consolidate", 2 },
    { "policy-depth", 2, { "1", "", "no" }, "consolidate", 0 },
    { "policy-depth", 201, { "200", "199", "no" }, "consolidate", 199 },
    { "policy-depth", 3, { "3", "", "yes" }, "", 0 },
    { "policy-depth", 4, { "3", "", "yes" }, "consolidate", 1 },
    { "policy-depth", 3, { "2", "", "yes" }, "consolidate", 0 },
    { "policy-depth", 9, { "8", "6", "yes" }, "consolidate", 6 },
};

static SinterPluginRegistry *registry;

static GPtrArray *
ask(const Row *row, GError **error)
{
    g_autoptr(GPtrArray) layers = g_ptr_array_new();
    const SinterDisk disk = { .layers = layers };
    const SinterDomain domain = { .active = TRUE };
    const SinterPolicyQuestion question = { &domain, &disk, 0, row->values };
    const SinterPlugin *plugin = sinter_plugin_registry_find(registry, row->policy);

    g_assert_nonnull(plugin);
    for (guint i = 0; i < row->n_layers; i++)
        g_ptr_array_add(layers, NULL);
    return sinter_plugin_ask_policy(plugin, &question, error);
}

static void
test_proposals(void)
{
    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(GPtrArray) steps = ask(&rows[i], &error);
        const SinterProposal *step = steps && steps->len > 0 ? steps->pdata[0] : NULL;

        g_test_message("%s, %u layers, %s", rows[i].policy, rows[i].n_layers, rows[i].values[0]);
        g_assert_no_error(error);
        g_assert_cmpuint(steps->len, <=, 1);
        g_assert_cmpstr(step ? sinter_proposal_kind_name(step->kind) : "", ==, rows[i].step);
        g_assert_cmpuint(step ? step->keep : 0, ==, rows[i].keep);
        g_assert_true(!step || step->keep_base == (strcmp(rows[i].values[2], "yes") == 0));
    }
}

static void
test_settings(void)
{
    static const Row wrong[] = {
        { "policy-depth", 1, { "201", "", "no" }, "max-depth", 0 },
        { "policy-depth", 1, { "-1", "", "no" }, "max-depth", 0 },
        { "policy-depth", 1, { "", "", "no" }, "max-depth", 0 },
        { "policy-depth", 1, { "3", "x", "no" }, "keep-snapshots", 0 },
        { "policy-depth", 1, { "3", "3", "no" }, "keep-snapshots", 0 },
        { "policy-depth", 1, { "0", "200", "no" }, "keep-snapshots", 0 },
        { "policy-depth", 1, { "3", "2", "yes" }, "keep-snapshots", 0 },
        { "policy-depth", 1, { "1", "", "yes" }, "max-depth", 0 },
        { "policy-depth", 1, { "3", "", "true" }, "keep-base", 0 },
    };

    for (gsize i = 0; i < G_N_ELEMENTS(wrong); i++) {
        g_autoptr(GError) error = NULL;

        g_assert_null(ask(&wrong[i], &error));
        g_assert_error(error, SINTER_ERROR, SINTER_ERROR_INVALID_ARGUMENT);
        g_assert_nonnull(strstr(error->message, wrong[i].step));
    }
}

int
main(int argc, char **argv)
{
    int status;

    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/policies/proposals", test_proposals);
    g_test_add_func("/policies/settings", test_settings);
    registry = sinter_plugin_registry_new();
    g_assert_true(sinter_plugin_registry_add_built_in(registry, NULL));
    status = g_test_run();
    sinter_plugin_registry_free(registry);
    return status;
}
