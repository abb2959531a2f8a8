/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-option.h"

G_BEGIN_DECLS

/*
 * Lists as in `-o a=b,c=d`. A doubled comma is a comma in a value; `a` alone is `a=on`, `noa` is
 * `a=off`.
 */

/* Returns: FALSE to stop. */
typedef gboolean (*SinterImgKeyvalFunc)(const char *key, const char *value, gpointer user_data);

/* Calls @func for each pair in turn. Returns FALSE if @func returned FALSE. */
gboolean sinter_img_keyval_each(const char *list, SinterImgKeyvalFunc func, gpointer user_data);

typedef enum {
    SINTER_IMG_TEXT,   /* const char * (allocated) */
    SINTER_IMG_SWITCH, /* gboolean, from "on" or "off" */
    SINTER_IMG_NUMBER, /* guint64 */
    SINTER_IMG_SIZE,   /* guint64, see img-size.h */
} SinterImgKeyKind;

/* A creation option of an output format. An option without a member is accepted and ignored. */
typedef struct {
    const char *key;
    SinterImgKeyKind kind;
    gssize offset; /* of a struct; -1: no member */
} SinterImgKey;

#define SINTER_IMG_NO_PLACE ((gssize)-1)

/*
 * Adds the list of a further -o to @all, which is initially NULL. Returns FALSE after a message if
 * it is not a valid list.
 */
gboolean sinter_img_option_list_add(char **all, const char *list);

/* For SinterOption.take: the same, into a char * that the caller frees. */
gboolean sinter_img_option_list_take(const SinterOption *option, gpointer options,
                                     const char *value);

/* Returns whether the list requests help: `help` or `?` instead of a pair. */
gboolean sinter_img_option_list_has_help(const char *list);

/*
 * Parses @value: 0 or 1 for a switch, the number or size, 0 for a text. Prints a message if it is
 * invalid, preceded by the name @about if that is not NULL.
 */
gboolean sinter_img_value_parse(SinterImgKeyKind kind, const char *key, const char *value,
                                const char *about, guint64 *ret);

/* Prints that there is no @key, likewise. Returns: FALSE. */
gboolean sinter_img_key_refuse(const char *key, const char *about);

/* Fills @values from @list; prints a message on failure. The caller frees the texts. */
gboolean sinter_img_option_list_parse(const char *list, const SinterImgKey *keys, gsize n_keys,
                                      gpointer values);

G_END_DECLS
