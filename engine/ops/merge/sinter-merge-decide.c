/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Chooses how to merge: which directions are safe, and which of them moves less data. Depends only
 * on its arguments.
 */

#include "sinter-merge-decide.h"
#include "sinter-error.h"

static const SinterMergeImage *
image_at(const SinterMergeFacts *facts, guint layer)
{
    return &facts->images[layer];
}

static gboolean
is_none(const SinterMergeStretch *stretch)
{
    return stretch->top == G_MAXUINT;
}

/* An image to be removed must be a file, and hold nothing that is not moved. */
static char *
why_not_delete(const SinterMergeFacts *facts, guint from, guint to)
{
    for (guint i = from; facts->deletes && i < to; i++) {
        const SinterMergeImage *image = image_at(facts, i);

        if (image->n_snapshots > 0)
            return g_strdup_printf("'%s' has internal snapshots, which would be lost", image->path);
        if (image->is_device)
            return g_strdup_printf("'%s' is a device; devices are not removed", image->path);
    }
    return NULL;
}

/* Returns why the image cannot be changed. */
static char *
why_not_write(const SinterMergeImage *image)
{
    if (image->corrupt)
        return g_strdup_printf("'%s' is marked as corrupt", image->path);
    if (image->read_only)
        return g_strdup_printf("'%s' is of a format that can only be read", image->path);
    return NULL;
}

/* Returns why the base cannot grow to the size of the images that are merged into it. */
static char *
why_not_grow(const SinterMergeFacts *facts, const SinterMergeStretch *stretch)
{
    const SinterMergeImage *base = image_at(facts, stretch->base);

    if (image_at(facts, stretch->top)->virtual_size <= base->virtual_size)
        return NULL;
    if (image_at(facts, stretch->top)->virtual_size > base->reach)
        return g_strdup_printf(base->version == 0
                                   ? "'%s' is a device and too small"
                                   : "the data file of '%s' is a device and too small",
                               base->path);
    if (base->version == 2 && base->n_snapshots > 0)
        return g_strdup_printf(
            "'%s' is too small and cannot grow: it is a version 2 image with internal snapshots",
            base->path);
    return NULL;
}

static char *
why_not_down(const SinterMergeFacts *facts)
{
    const SinterMergeStretch *stretch = &facts->down;
    const SinterMergeImage *base;
    char *why;

    if (is_none(stretch))
        return g_strdup("there is no image below it");
    base = image_at(facts, stretch->base);
    why = why_not_write(base);
    if (why)
        return why;
    if (stretch->top == 0 && base->virtual_size > image_at(facts, 0)->virtual_size)
        return g_strdup_printf("'%s' is larger than the disk, whose size would change", base->path);
    return why_not_grow(facts, stretch) ?: why_not_delete(facts, stretch->top, stretch->base);
}

static char *
why_not_up(const SinterMergeFacts *facts)
{
    const SinterMergeStretch *stretch = &facts->up;
    const SinterMergeImage *top;
    char *why;

    if (is_none(stretch))
        return g_strdup("there is no image above it");
    top = image_at(facts, stretch->top);
    why = why_not_write(top);
    if (why)
        return why;
    if (top->n_snapshots > 0)
        return g_strdup_printf(
            "'%s' has internal snapshots, whose content would change with the images below",
            top->path);
    return why_not_delete(facts, stretch->top + 1, stretch->base + 1);
}

static gboolean
check_encryption(const SinterMergeFacts *facts, GError **error)
{
    const SinterMergeStretch *any = is_none(&facts->down) ? &facts->up : &facts->down;

    for (guint i = any->top; i <= any->base; i++) {
        if (!image_at(facts, i)->encrypted)
            continue;
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_UNSUPPORTED,
                    "'%s' is encrypted; without the key, it cannot be merged",
                    image_at(facts, i)->path);
        return FALSE;
    }
    return TRUE;
}

/* A snapshot in an image above may contain data that the disk itself does not. */
static gboolean
check_shadow(const SinterMergeFacts *facts, GError **error)
{
    guint top = MIN(facts->down.top, facts->up.top);

    for (guint i = 0; facts->drops_shadowed && i < top; i++) {
        if (image_at(facts, i)->n_snapshots == 0)
            continue;
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_UNSUPPORTED,
                    "'%s' has internal snapshots, which may need the shadowed data: merge without "
                    "--drop-shadowed",
                    image_at(facts, i)->path);
        return FALSE;
    }
    return TRUE;
}

static gboolean
choose_direction(const SinterMergeFacts *facts, SinterMergePlan *plan, GError **error)
{
    SinterMergeDirection direction = facts->direction;

    if (plan->why_not_down && plan->why_not_up) {
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_UNSUPPORTED,
                    "neither a merge down (%s) nor a merge up (%s) is possible", plan->why_not_down,
                    plan->why_not_up);
        return FALSE;
    }
    if (direction == SINTER_MERGE_CHEAPER && plan->why_not_down)
        direction = SINTER_MERGE_UP;
    else if (direction == SINTER_MERGE_CHEAPER && plan->why_not_up)
        direction = SINTER_MERGE_DOWN;
    else if (direction == SINTER_MERGE_CHEAPER)
        direction = plan->bytes_up < plan->bytes_down ? SINTER_MERGE_UP : SINTER_MERGE_DOWN;
    plan->direction = direction;
    if (direction == SINTER_MERGE_DOWN ? !plan->why_not_down : !plan->why_not_up)
        return TRUE;
    g_set_error(error, SINTER_ERROR, SINTER_ERROR_UNSUPPORTED, "a merge %s is not possible: %s",
                direction == SINTER_MERGE_DOWN ? "down" : "up",
                direction == SINTER_MERGE_DOWN ? plan->why_not_down : plan->why_not_up);
    return FALSE;
}

gboolean
sinter_merge_decide(const SinterMergeFacts *facts, SinterMergePlan *plan, GError **error)
{
    plan->why_not_down = why_not_down(facts);
    plan->why_not_up = why_not_up(facts);
    plan->bytes_down = plan->why_not_down ? G_MAXUINT64 : facts->bytes_down;
    plan->bytes_up = plan->why_not_up ? G_MAXUINT64 : facts->bytes_up;
    if (!check_encryption(facts, error) || !check_shadow(facts, error) ||
        !choose_direction(facts, plan, error))
        return FALSE;
    plan->bytes_to_move = plan->direction == SINTER_MERGE_DOWN ? plan->bytes_down : plan->bytes_up;
    return TRUE;
}
