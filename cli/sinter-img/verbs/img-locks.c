/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * locks: shows which processes hold an image.
 */

#include "text/img-json.h"
#include "text/img-message.h"
#include "words/img-output.h"
#include "img-verbs.h"
#include "sinter-table.h"
#include "sinter-text.h"

#include <sinter/lock.h>

#include <stdio.h>

#define PERMISSIONS 4

typedef struct {
    const char *output;
} LocksOptions;

static const char *const permission_names[PERMISSIONS] = { "consistent-read", "write",
                                                           "write-unchanged", "resize" };

static JsonArray *
permissions_to_json(guint bits)
{
    JsonArray *array = json_array_new();

    for (guint i = 0; i < PERMISSIONS; i++) {
        if (bits & (1U << i))
            json_array_add_string_element(array, permission_names[i]);
    }
    return array;
}

static JsonObject *
holder_to_json(const SinterLockHolder *holder)
{
    JsonObject *object = json_object_new();

    if (holder->pid)
        json_object_set_int_member(object, "pid", holder->pid);
    if (holder->program)
        json_object_set_string_member(object, "program", holder->program);
    if (holder->domain)
        json_object_set_string_member(object, "domain", holder->domain);
    json_object_set_array_member(object, "uses", permissions_to_json(holder->uses));
    json_object_set_array_member(object, "unshared", permissions_to_json(holder->unshared));
    return object;
}

static void
print_json(const char *path, GPtrArray *holders)
{
    g_autoptr(JsonNode) node = json_node_new(JSON_NODE_OBJECT);
    JsonObject *object = json_object_new();
    JsonArray *array = json_array_new();

    for (guint i = 0; i < holders->len; i++)
        json_array_add_object_element(array, holder_to_json(g_ptr_array_index(holders, i)));
    json_object_set_string_member(object, "filename", path);
    json_object_set_array_member(object, "holders", array);
    json_node_take_object(node, object);
    sinter_img_json_print(node);
}

static char *
permissions_to_text(guint bits)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new();

    for (guint i = 0; i < PERMISSIONS; i++) {
        if (bits & (1U << i))
            g_ptr_array_add(names, (gpointer)permission_names[i]);
    }
    g_ptr_array_add(names, NULL);
    return g_strjoinv(",", (char **)names->pdata);
}

/* Text that another process may have chosen: escaped for every kind of output. */
static char *
foreign_text(const char *text)
{
    g_autofree char *valid = text ? g_utf8_make_valid(text, -1) : NULL;

    return valid ? sinter_text_printable(valid) : NULL;
}

static void
print_human(GPtrArray *holders)
{
    static const SinterTableColumn columns[] = {
        { "PID", SINTER_ALIGN_RIGHT },     { "Program", SINTER_ALIGN_LEFT },
        { "Domain", SINTER_ALIGN_LEFT },   { "Uses", SINTER_ALIGN_LEFT },
        { "Unshared", SINTER_ALIGN_LEFT },
    };
    g_autoptr(SinterTable) table = sinter_table_new(columns, G_N_ELEMENTS(columns));
    g_autofree char *text = NULL;

    for (guint i = 0; i < holders->len; i++) {
        const SinterLockHolder *holder = g_ptr_array_index(holders, i);
        g_autofree char *pid = holder->pid ? g_strdup_printf("%d", holder->pid) : NULL;
        g_autofree char *program = foreign_text(holder->program);
        g_autofree char *domain = foreign_text(holder->domain);
        g_autofree char *uses = permissions_to_text(holder->uses);
        g_autofree char *unshared = permissions_to_text(holder->unshared);

        sinter_table_add_row(table, (const char *const[]){ pid, program, domain, uses, unshared });
    }
    text = sinter_table_format(table, TRUE);
    fputs(text, stdout);
}

static int
locks_run(const SinterCommandCall *call, GError **error)
{
    const LocksOptions *options = call->options;
    g_autoptr(GPtrArray) holders = NULL;
    gboolean json;

    if (!sinter_img_output_parse(options->output, &json))
        return 1;
    holders = sinter_lock_list(call->operands[0], error);
    if (!holders)
        return 1;
    if (json)
        print_json(call->operands[0], holders);
    else if (holders->len > 0)
        print_human(holders);
    else
        puts("No process holds the image.");
    return 0;
}

static const SinterOption locks_options[] = {
    SINTER_IMG_OUTPUT_OPTION(LocksOptions, output),
};

const SinterCommand sinter_img_locks = {
    .name = "locks",
    .operands = "FILE",
    .summary = "Shows the processes and virtual machines that hold an image",
    .options = locks_options,
    .n_options = G_N_ELEMENTS(locks_options),
    .options_size = sizeof(LocksOptions),
    .description = "Uses: permissions that the process uses. Unshared: permissions that it does "
                   "not share.\nOnly root sees all processes of other users. A machine that waits "
                   "for an incoming\nmigration holds no locks.\n",
    .min_operands = 1,
    .max_operands = 1,
    .expecting = "Expecting one image file name",
    .run = locks_run,
};
