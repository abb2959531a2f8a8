/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What is lost if the disk is reverted to a snapshot, as text and as JSON. */

#include "img-change-list.h"
#include "img-message.h"
#include "sinter-table.h"

#include <stdio.h>

static const char *
state_name(const SinterSnapshotChange *change)
{
    return change->is_readable ? "changed" : "unreadable";
}

static void
print_table(const GArray *changes)
{
    static const SinterTableColumn columns[] = { { "Offset", SINTER_ALIGN_RIGHT },
                                                 { "Length", SINTER_ALIGN_RIGHT },
                                                 { "State", SINTER_ALIGN_LEFT } };
    g_autoptr(SinterTable) table = sinter_table_new(columns, G_N_ELEMENTS(columns));
    g_autofree char *text = NULL;

    for (guint i = 0; i < changes->len; i++) {
        const SinterSnapshotChange *change = &g_array_index(changes, SinterSnapshotChange, i);
        g_autofree char *offset = g_strdup_printf("0x%" G_GINT64_MODIFIER "x", change->offset);
        g_autofree char *length = g_strdup_printf("%" G_GUINT64_FORMAT, change->length);

        sinter_table_add_row(table, (const char *const[]){ offset, length, state_name(change) });
    }
    text = sinter_table_format(table, TRUE);
    fputs(text, stdout);
}

void
sinter_img_change_list_print(const GArray *changes, const char *snapshot)
{
    g_autofree char *shown = sinter_img_name(snapshot);
    guint64 changed = 0;
    guint64 unreadable = 0;

    for (guint i = 0; i < changes->len; i++) {
        const SinterSnapshotChange *change = &g_array_index(changes, SinterSnapshotChange, i);

        *(change->is_readable ? &changed : &unreadable) += change->length;
    }
    if (changes->len == 0) {
        printf("The disk does not differ from snapshot '%s'.\n", shown);
        return;
    }
    printf("The disk differs from snapshot '%s' in these ranges:\n", shown);
    print_table(changes);
    printf("Reverting it loses %" G_GUINT64_FORMAT " changed bytes; %" G_GUINT64_FORMAT
           " bytes cannot be read because of damage.\n",
           changed, unreadable);
}

JsonArray *
sinter_img_change_list_to_json(const GArray *changes)
{
    JsonArray *array = json_array_new();

    for (guint i = 0; i < changes->len; i++) {
        const SinterSnapshotChange *change = &g_array_index(changes, SinterSnapshotChange, i);
        JsonObject *object = json_object_new();

        json_object_set_int_member(object, "offset", (gint64)change->offset);
        json_object_set_int_member(object, "length", (gint64)change->length);
        json_object_set_string_member(object, "state", state_name(change));
        json_array_add_object_element(array, object);
    }
    return array;
}
