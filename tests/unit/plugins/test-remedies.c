/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The built-in remedies: what each proposes for each cause and number of attempts. */

#include <string.h>

#include "sinter-error.h"
#include "sinter-plugin-ask.h"
#include "sinter-plugin-registry.h"

#define MAX_VALUES 4

/* @steps: the kinds of the proposed steps, joined by spaces */
typedef struct {
    const char *remedy;
    const char *cause;
    guint n_attempts;
    const char *values[MAX_VALUES];
    const char *steps;
    guint64 bytes;
    guint delay_sec;
    guint n_layers; /* 0: no disk is known */
    gboolean active;
    SinterDomainState state;
} Row;

#define CORRUPT "remedy-corrupt", "image-corrupted"
#define PAUSED TRUE, SINTER_DOMAIN_PAUSED

static const Row rows[] = {
    { "remedy-enospc-wait",
      "file-system-full",
      0,
      { "512", "5" },
      "wait-space resume",
      512 << 20,
      0 },
    { "remedy-enospc-wait", "file-system-full", 4, { "1", "5" }, "wait-space resume", 1 << 20, 0 },
    { "remedy-enospc-wait", "file-system-full", 5, { "1", "5" }, "report", 0, 0 },
    { "remedy-enospc-wait", "quota-exceeded", 0, { "1", "5" }, "wait-space resume", 1 << 20, 0 },
    { "remedy-enospc-wait", "space-was-short", 0, { "1", "5" }, "wait-space resume", 1 << 20, 0 },
    { "remedy-enospc-wait", "no-inodes", 0, { "1", "5" }, "wait-space resume", 1 << 20, 0 },
    { "remedy-enospc-wait", "device-full", 0, { "1", "5" }, "", 0, 0 },
    { "remedy-enospc-wait", "storage-gone", 0, { "1", "5" }, "", 0, 0 },
    { "remedy-enospc-wait", "image-corrupted", 0, { "1", "5" }, "", 0, 0 },
    { "remedy-enospc-consolidate",
      "file-system-full",
      0,
      { "0", "2" },
      "consolidate resume",
      0,
      0,
      2 },
    { "remedy-enospc-consolidate", "device-full", 1, { "0", "2" }, "consolidate resume", 0, 0, 2 },
    { "remedy-enospc-consolidate", "device-full", 2, { "0", "2" }, "", 0, 0, 2 },
    { "remedy-enospc-consolidate", "file-system-full", 0, { "1", "2" }, "", 0, 0, 2 },
    { "remedy-enospc-consolidate",
      "file-system-full",
      0,
      { "1", "2" },
      "consolidate resume",
      0,
      0,
      3 },
    { "remedy-enospc-consolidate", "file-system-full", 0, { "0", "2" }, "", 0, 0, 1 },
    { "remedy-enospc-consolidate", "file-system-full", 1, { "0", "2" }, "", 0, 0, 1 },
    { "remedy-enospc-consolidate", "file-system-full", 0, { "0", "2" }, "", 0, 0, 0 },
    { "remedy-enospc-consolidate", "space-was-short", 0, { "0", "2" }, "", 0, 0, 2 },
    { "remedy-enospc-consolidate", "storage-gone", 0, { "0", "2" }, "", 0, 0, 2 },
    { "remedy-transient", "storage-gone", 0, { "8", "300" }, "wait-storage resume", 0, 0 },
    { "remedy-transient", "storage-gone", 1, { "8", "300" }, "wait-storage resume", 0, 1 },
    { "remedy-transient", "storage-gone", 4, { "8", "300" }, "wait-storage resume", 0, 8 },
    { "remedy-transient", "storage-gone", 6, { "8", "20" }, "wait-storage resume", 0, 20 },
    { "remedy-transient",
      "medium-error",
      900,
      { "1000", "86400" },
      "wait-storage resume",
      0,
      86400 },
    { "remedy-transient", "storage-gone", 8, { "8", "300" }, "report", 0, 0 },
    { "remedy-transient", "unknown", 0, { "8", "300" }, "wait-storage resume", 0, 0 },
    { "remedy-transient", "file-system-full", 0, { "8", "300" }, "", 0, 0 },
    { "remedy-transient", "image-corrupted", 0, { "8", "300" }, "", 0, 0 },
    { "remedy-transient", "image-marked-corrupt", 0, { "8", "300" }, "", 0, 0 },
    { "remedy-transient", "image-replaced", 0, { "8", "300" }, "", 0, 0 },
    { "remedy-transient", "image-deleted", 0, { "8", "300" }, "", 0, 0 },
    { "remedy-transient", "qemu-crashed", 0, { "8", "300" }, "", 0, 0 },
    { "remedy-crashed", "qemu-crashed", 0, { "no", "2" }, "repair", 0, 0 },
    { "remedy-crashed", "qemu-crashed", 1, { "yes", "2" }, "repair start", 0, 0 },
    { "remedy-crashed", "qemu-crashed", 2, { "yes", "2" }, "report", 0, 0 },
    { "remedy-crashed", "qemu-crashed", 0, { "yes", "2" }, "", 0, 0, 0, TRUE },
    { "remedy-crashed", "image-corrupted", 0, { "yes", "2" }, "", 0, 0 },
    { "remedy-crashed", "unknown", 0, { "yes", "2" }, "", 0, 0 },
    { CORRUPT, 0, { "yes", "1" }, "stop repair start", 0, 0, 2, PAUSED },
    { CORRUPT, 0, { "no", "1" }, "stop repair", 0, 0, 2, PAUSED },
    { CORRUPT, 0, { "yes", "1" }, "repair", 0, 0, 2, FALSE },
    { CORRUPT, 0, { "yes", "1" }, "report", 0, 0, 2, TRUE, SINTER_DOMAIN_RUNNING },
    { CORRUPT, 1, { "yes", "1" }, "report", 0, 0, 2, PAUSED },
    { CORRUPT, 0, { "yes", "1" }, "", 0, 0, 0, PAUSED },
    { "remedy-corrupt", "image-marked-corrupt", 0, { "yes", "1" }, "repair", 0, 0, 1 },
    { "remedy-corrupt", "image-damaged", 0, { "yes", "1" }, "repair", 0, 0, 1 },
    { "remedy-corrupt", "qemu-crashed", 0, { "yes", "1" }, "", 0, 0, 1 },
    { "remedy-corrupt", "unknown", 0, { "yes", "1" }, "", 0, 0, 1, PAUSED },
};

static SinterPluginRegistry *registry;

static GPtrArray *
ask(const Row *row, GError **error)
{
    g_autoptr(GPtrArray) layers = g_ptr_array_new();
    const SinterDisk disk = { .layers = layers };
    const SinterDomain domain = { .active = row->active, .state = row->state };
    const SinterRemedyQuestion question = { .cause = row->cause,
                                            .domain = &domain,
                                            .disk = row->n_layers > 0 ? &disk : NULL,
                                            .n_attempts = row->n_attempts,
                                            .values = row->values };
    const SinterPlugin *plugin = sinter_plugin_registry_find(registry, row->remedy);

    g_assert_nonnull(plugin);
    for (guint i = 0; i < row->n_layers; i++)
        g_ptr_array_add(layers, NULL);
    return sinter_plugin_ask_remedy(plugin, &question, error);
}

static void
test_proposals(void)
{
    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(GPtrArray) steps = ask(&rows[i], &error);
        g_autoptr(GString) kinds = g_string_new(NULL);
        guint64 bytes = 0;
        guint delay_sec = 0;

        g_assert_no_error(error);
        for (guint k = 0; k < steps->len; k++) {
            const SinterProposal *step = steps->pdata[k];

            g_string_append_printf(kinds, "%s%s", k > 0 ? " " : "",
                                   sinter_proposal_kind_name(step->kind));
            bytes = MAX(bytes, step->bytes);
            delay_sec = MAX(delay_sec, step->delay_sec);
        }
        g_test_message("%s, %s, attempt %u", rows[i].remedy, rows[i].cause, rows[i].n_attempts);
        g_assert_cmpstr(kinds->str, ==, rows[i].steps);
        g_assert_cmpuint(bytes, ==, rows[i].bytes);
        g_assert_cmpuint(delay_sec, ==, rows[i].delay_sec);
    }
}

static void
test_settings(void)
{
    static const Row wrong[] = {
        { "remedy-enospc-wait", "file-system-full", 0, { "0", "5" }, "min-free-mib", 0, 0 },
        { "remedy-enospc-wait", "storage-gone", 0, { "1 GiB", "5" }, "min-free-mib", 0, 0 },
        { "remedy-enospc-wait", "file-system-full", 0, { "1", "" }, "max-attempts", 0, 0 },
        { "remedy-enospc-consolidate", "unknown", 0, { "201", "5" }, "keep", 0, 0 },
        { "remedy-enospc-consolidate", "unknown", 0, { "0", "0" }, "max-attempts", 0, 0 },
        { "remedy-crashed", "unknown", 0, { "maybe", "5" }, "start", 0, 0 },
        { "remedy-corrupt", "unknown", 0, { "", "1" }, "start", 0, 0 },
        { "remedy-corrupt", "unknown", 0, { "no", "0" }, "max-attempts", 0, 0 },
        { "remedy-crashed", "unknown", 0, { "no", "0" }, "max-attempts", 0, 0 },
        { "remedy-transient", "unknown", 0, { "0", "5" }, "max-attempts", 0, 0 },
        { "remedy-transient", "unknown", 0, { "1", "86401" }, "max-delay-sec", 0, 0 },
    };

    for (gsize i = 0; i < G_N_ELEMENTS(wrong); i++) {
        g_autoptr(GError) error = NULL;

        g_assert_null(ask(&wrong[i], &error));
        g_assert_error(error, SINTER_ERROR, SINTER_ERROR_INVALID_ARGUMENT);
        g_assert_nonnull(strstr(error->message, wrong[i].steps));
    }
}

int
main(int argc, char **argv)
{
    int status;

    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/remedies/proposals", test_proposals);
    g_test_add_func("/remedies/settings", test_settings);
    registry = sinter_plugin_registry_new();
    g_assert_true(sinter_plugin_registry_add_built_in(registry, NULL));
    status = g_test_run();
    sinter_plugin_registry_free(registry);
    return status;
}
