/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Loads plugins and asks them, as the daemon does:
 *
 *     plugin-tool FOLDER list
 *     plugin-tool FOLDER policy NAME LAYERS [SETTING=VALUE]...
 *     plugin-tool FOLDER remedy NAME file|block REASON ATTEMPTS
 *
 * The question is about a played domain with one disk. Prints a line for each plugin or step.
 */

#include "sinter-error.h"
#include "sinter-plugin-ask.h"
#include "sinter-plugin-loader.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static SinterDomain *
play_domain(guint n_layers, SinterSourceType type)
{
    SinterDomain *domain = sinter_domain_new();
    SinterDisk *disk = sinter_disk_new();

    disk->target = g_strdup("vda");
    for (guint i = 0; i < n_layers; i++) {
        SinterLayer *layer = sinter_layer_new();

        layer->type = type;
        layer->path = g_strdup_printf("/images/layer%u", i);
        g_ptr_array_add(disk->layers, layer);
    }
    g_ptr_array_add(domain->disks, disk);
    return domain;
}

/* (transfer container): the value of each setting: of @words, or the initial one */
static const char **
choose_values(const SinterPolicy *policy, char **words, int n_words)
{
    const char **values = g_new0(const char *, policy->n_settings + 1);

    for (guint i = 0; i < policy->n_settings; i++) {
        gsize len = strlen(policy->settings[i].name);

        values[i] = policy->settings[i].initial;
        for (int j = 0; j < n_words; j++) {
            if (strncmp(words[j], policy->settings[i].name, len) == 0 && words[j][len] == '=')
                values[i] = words[j] + len + 1;
        }
    }
    return values;
}

static GPtrArray *
ask_policy(const SinterPlugin *plugin, char **words, int n_words, GError **error)
{
    g_autoptr(SinterDomain) domain = play_domain((guint)atoi(words[0]), SINTER_SOURCE_FILE);
    g_autofree const char **values = choose_values(plugin->operations, words + 1, n_words - 1);
    SinterPolicyQuestion question = { .domain = domain,
                                      .disk = g_ptr_array_index(domain->disks, 0),
                                      .now_usec = 1,
                                      .values = values };

    return sinter_plugin_ask_policy(plugin, &question, error);
}

static GPtrArray *
ask_remedy(const SinterPlugin *plugin, char **words, int n_words, GError **error)
{
    static const char *const no_values[] = { NULL };
    gboolean is_block = strcmp(words[0], "block") == 0;
    g_autoptr(SinterDomain) domain =
        play_domain(2, is_block ? SINTER_SOURCE_BLOCK : SINTER_SOURCE_FILE);
    g_autoptr(SinterEvent) event = sinter_event_new(SINTER_EVENT_IO_ERROR);
    SinterRemedyQuestion question = { .event = event,
                                      .cause = words[1],
                                      .domain = domain,
                                      .disk = g_ptr_array_index(domain->disks, 0),
                                      .n_attempts = (guint)atoi(words[2]),
                                      .now_usec = 1,
                                      .values = no_values };

    return sinter_plugin_ask_remedy(plugin, &question, error);
}

static void
print_steps(GPtrArray *steps)
{
    for (guint i = 0; i < steps->len; i++) {
        const SinterProposal *step = g_ptr_array_index(steps, i);

        printf("%s keep=%u bytes=%" G_GUINT64_FORMAT ": %s\n",
               sinter_proposal_kind_name(step->kind), step->keep, step->bytes, step->reason);
    }
}

static void
print_plugins(const SinterPluginRegistry *registry)
{
    for (guint i = 0; i < sinter_plugin_registry_get_n(registry); i++) {
        const SinterPlugin *plugin = sinter_plugin_registry_get(registry, i);

        printf("%s %s: %s\n", sinter_plugin_kind_name(plugin->kind), plugin->name, plugin->summary);
    }
}

static gboolean
load(SinterPluginRegistry *registry, const char *folder, GError **error)
{
    g_autoptr(GPtrArray) paths = sinter_plugin_loader_list(folder, error);

    for (guint i = 0; paths && i < paths->len; i++) {
        if (!sinter_plugin_loader_load(registry, g_ptr_array_index(paths, i), error))
            return FALSE;
    }
    return paths != NULL;
}

static gboolean
answer(const SinterPluginRegistry *registry, char **words, int n_words, GError **error)
{
    const SinterPlugin *plugin;
    g_autoptr(GPtrArray) steps = NULL;

    if (n_words < 3) {
        print_plugins(registry);
        return TRUE;
    }
    plugin = sinter_plugin_registry_find(registry, words[1]);
    g_assert(plugin);
    steps = (strcmp(words[0], "policy") == 0 ? ask_policy : ask_remedy)(plugin, words + 2,
                                                                        n_words - 2, error);
    if (steps)
        print_steps(steps);
    return steps != NULL;
}

int
main(int argc, char **argv)
{
    g_autoptr(SinterPluginRegistry) registry = sinter_plugin_registry_new();
    g_autoptr(GError) error = NULL;

    g_assert(argc >= 3);
    if (load(registry, argv[1], &error) && answer(registry, argv + 2, argc - 2, &error))
        return 0;
    fprintf(stderr, "plugin-tool: %s\n", error->message);
    return 1;
}
