/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The table of findings, and findings as lines of text. Invariant: only the list in the public
 * header defines what a code means; a text never contains bytes from an image that could control a
 * terminal.
 */

#include "sinter-finding.h"
#include "sinter-error.h"

#include <string.h>

static const SinterFindingKind finding_table[] = {
#define X(code, name, klass, stake, fix, qemu, text)                                               \
    {                                                                                              \
        name, SINTER_FINDING_##klass, SINTER_STAKE_##stake, SINTER_FIX_##fix, SINTER_QEMU_##qemu,  \
        text                                                                                       \
    },
    SINTER_FINDINGS(X)
#undef X
};

static const char *const class_names[] = { "corruption", "leak", "error", "note" };

static const char *const stake_names[] = {
    "none", "space", "bitmap", "writes", "snapshot", "data", "image",
};

static const char *const fix_texts[] = {
    [SINTER_FIX_NONE] = "no repair in place",
    [SINTER_FIX_FLAG] = "correct the flag",
    [SINTER_FIX_BITS] = "clear the reserved bits",
    [SINTER_FIX_COUNT] = "correct the reference count",
    [SINTER_FIX_REBUILD] = "rebuild the refcount structures",
    [SINTER_FIX_ENTRY] = "infer the entry from its neighbours, or clear it",
    [SINTER_FIX_SEPARATE] = "copy the cluster for each owner",
    [SINTER_FIX_HEADER] = "rewrite the header",
    [SINTER_FIX_SNAPSHOT] = "repair the snapshot entry, or delete the snapshot",
    [SINTER_FIX_BITMAP] = "delete the bitmap",
    [SINTER_FIX_NEWER] = "use a program that supports the feature",
    [SINTER_FIX_RESCUE] = "search for the lost tables and data ('sinter-img rescue')",
};

static const struct {
    const char *name;
    const char *text; /* {hex} or {number} is the owner's @where */
} owner_table[] = {
    [SINTER_OWNER_HEADER] = { "header", "header" },
    [SINTER_OWNER_L1_TABLE] = { "l1-table", "L1 table" },
    [SINTER_OWNER_L2_TABLE] = { "l2-table", "L2 table of guest offset {hex}" },
    [SINTER_OWNER_DATA] = { "data", "data of guest offset {hex}" },
    [SINTER_OWNER_COMPRESSED] = { "compressed", "compressed data of guest offset {hex}" },
    [SINTER_OWNER_REFCOUNT_TABLE] = { "refcount-table", "refcount table" },
    [SINTER_OWNER_REFCOUNT_BLOCK] = { "refcount-block", "refcount block {number}" },
    [SINTER_OWNER_SNAPSHOT_TABLE] = { "snapshot-table", "snapshot table" },
    [SINTER_OWNER_BITMAP_DIRECTORY] = { "bitmap-directory", "bitmap directory" },
    [SINTER_OWNER_BITMAP_TABLE] = { "bitmap-table", "bitmap table" },
    [SINTER_OWNER_BITMAP_DATA] = { "bitmap-data", "bitmap data {number}" },
    [SINTER_OWNER_LUKS] = { "luks", "LUKS header" },
};

/* Tables of registered formats, in the order of registration. */
static struct {
    const SinterFindingKind *kinds;
    guint n;
    guint first;
} tables[SINTER_FINDING_MAX_TABLES];
static guint n_tables;

static gboolean
refuse_table(const char *format, const char *why, GError **error)
{
    g_set_error(error, SINTER_ERROR, SINTER_ERROR_INVALID_ARGUMENT,
                "the findings of format '%s' cannot be registered: %s", format, why);
    return FALSE;
}

gboolean
sinter_finding_add_table(const char *format, const SinterFindingKind *kinds, guint n, guint first,
                         GError **error)
{
    if (n == 0)
        return TRUE;
    if (!kinds || first == 0 || first % SINTER_FINDING_RANGE != 0 || n > SINTER_FINDING_RANGE)
        return refuse_table(format, "they must be within one range of codes", error);
    if (n_tables == G_N_ELEMENTS(tables))
        return refuse_table(format, "there are too many tables of findings", error);
    for (guint i = 0; i < n_tables; i++) {
        if (tables[i].first == first)
            return refuse_table(format, "their codes are already used", error);
    }
    for (guint i = 0; i < n; i++) {
        if (sinter_finding_code_from_name(kinds[i].name) != SINTER_FINDING_N_CODES)
            return refuse_table(format, "one of their names is already used", error);
    }
    tables[n_tables].kinds = kinds;
    tables[n_tables].n = n;
    tables[n_tables++].first = first;
    return TRUE;
}

/* Returns NULL for an unknown code. */
static const SinterFindingKind *
find_kind(guint code)
{
    if (code < SINTER_FINDING_N_CODES)
        return &finding_table[code];
    for (guint i = 0; i < n_tables; i++) {
        if (code >= tables[i].first && code - tables[i].first < tables[i].n)
            return &tables[i].kinds[code - tables[i].first];
    }
    return NULL;
}

const char *
sinter_finding_code_name(SinterFindingCode code)
{
    const SinterFindingKind *kind = find_kind(code);

    g_return_val_if_fail(kind, NULL);
    return kind->name;
}

SinterFindingClass
sinter_finding_code_class(SinterFindingCode code)
{
    return find_kind(code)->klass;
}

SinterFindingStake
sinter_finding_code_stake(SinterFindingCode code)
{
    return find_kind(code)->stake;
}

SinterFindingFix
sinter_finding_code_fix(SinterFindingCode code)
{
    return find_kind(code)->fix;
}

SinterFindingQemu
sinter_finding_code_qemu(SinterFindingCode code)
{
    return find_kind(code)->qemu;
}

SinterFindingCode
sinter_finding_code_from_name(const char *name)
{
    for (guint i = 0; i < SINTER_FINDING_N_CODES; i++) {
        if (strcmp(finding_table[i].name, name) == 0)
            return (SinterFindingCode)i;
    }
    for (guint i = 0; i < n_tables; i++) {
        for (guint j = 0; j < tables[i].n; j++) {
            if (strcmp(tables[i].kinds[j].name, name) == 0)
                return (SinterFindingCode)(tables[i].first + j);
        }
    }
    return SINTER_FINDING_N_CODES;
}

const char *
sinter_finding_class_name(SinterFindingClass klass)
{
    return class_names[klass];
}

const char *
sinter_finding_stake_name(SinterFindingStake stake)
{
    return stake_names[stake];
}

const char *
sinter_finding_fix_describe(SinterFindingFix fix)
{
    return fix_texts[fix];
}

const char *
sinter_owner_kind_name(SinterOwnerKind kind)
{
    return owner_table[kind].name;
}

void
sinter_finding_clear(SinterFinding *finding)
{
    g_clear_pointer(&finding->detail, g_free);
    for (guint i = 0; i < finding->n_owners; i++)
        g_clear_pointer(&finding->owners[i].name, g_free);
    finding->n_owners = 0;
}

/* Appends text from an image; unprintable characters become question marks. */
static void
append_foreign(GString *out, const char *text)
{
    if (!g_utf8_validate(text, -1, NULL)) {
        for (const char *c = text; *c; c++)
            g_string_append_c(out, g_ascii_isprint(*c) ? *c : '?');
        return;
    }
    for (const char *c = text; *c; c = g_utf8_next_char(c)) {
        gunichar u = g_utf8_get_char(c);

        g_string_append_unichar(out, g_unichar_isprint(u) ? u : '?');
    }
}

/* Writes the value of the placeholder @name (without braces). */
typedef void (*ExpandFunc)(GString *out, const char *name, gconstpointer data);

static void
append_template(GString *out, const char *text, ExpandFunc expand, gconstpointer data)
{
    const char *open;

    while ((open = strchr(text, '{'))) {
        const char *close = strchr(open, '}');
        g_autofree char *name = g_strndup(open + 1, (gsize)(close - open - 1));

        g_string_append_len(out, text, open - text);
        expand(out, name, data);
        text = close + 1;
    }
    g_string_append(out, text);
}

static void
append_hex(GString *out, guint64 value)
{
    if (value == SINTER_OFFSET_NONE)
        g_string_append(out, "(nowhere)");
    else
        g_string_append_printf(out, "0x%" G_GINT64_MODIFIER "x", value);
}

static void
expand_owner(GString *out, const char *name, gconstpointer data)
{
    const SinterOwner *owner = data;

    if (strcmp(name, "hex") == 0)
        append_hex(out, owner->where);
    else
        g_string_append_printf(out, "%" G_GUINT64_FORMAT, owner->where);
}

static void
append_owner(GString *out, const SinterOwner *owner)
{
    gboolean bitmap =
        owner->kind == SINTER_OWNER_BITMAP_TABLE || owner->kind == SINTER_OWNER_BITMAP_DATA;

    append_template(out, owner_table[owner->kind].text, expand_owner, owner);
    if (!owner->name)
        return;
    g_string_append(out, bitmap ? " of bitmap " : " of snapshot ");
    append_foreign(out, owner->name);
}

char *
sinter_owner_describe(const SinterOwner *owner)
{
    GString *out = g_string_new(NULL);

    append_owner(out, owner);
    return g_string_free(out, FALSE);
}

static void
append_owners(GString *out, const SinterFinding *finding)
{
    for (guint i = 0; i < finding->n_owners; i++) {
        g_string_append(out, i ? ", " : "");
        append_owner(out, &finding->owners[i]);
    }
    if (finding->n_owners == 0)
        g_string_append(out, "(owners not sought)");
}

static void
expand_finding(GString *out, const char *name, gconstpointer data)
{
    const SinterFinding *finding = data;

    if (strcmp(name, "host") == 0)
        append_hex(out, finding->host_offset);
    else if (strcmp(name, "guest") == 0)
        append_hex(out, finding->guest_offset);
    else if (strcmp(name, "seen") == 0)
        g_string_append_printf(out, "0x%" G_GINT64_MODIFIER "x", finding->seen);
    else if (strcmp(name, "expected") == 0)
        g_string_append_printf(out, "0x%" G_GINT64_MODIFIER "x", finding->expected);
    else if (strcmp(name, "#seen") == 0)
        g_string_append_printf(out, "%" G_GUINT64_FORMAT, finding->seen);
    else if (strcmp(name, "#expected") == 0)
        g_string_append_printf(out, "%" G_GUINT64_FORMAT, finding->expected);
    else if (strcmp(name, "refcount") == 0)
        g_string_append_printf(out, "%" G_GUINT64_FORMAT, finding->refcount);
    else if (strcmp(name, "owner") == 0 && finding->n_owners > 0)
        append_owner(out, &finding->owners[0]);
    else if (strcmp(name, "owners") == 0)
        append_owners(out, finding);
    else if (strcmp(name, "detail") == 0 && finding->detail)
        append_foreign(out, finding->detail);
}

char *
sinter_finding_get_text(const SinterFinding *finding)
{
    GString *out = g_string_new(NULL);

    append_template(out, find_kind(finding->code)->text, expand_finding, finding);
    return g_string_free(out, FALSE);
}
