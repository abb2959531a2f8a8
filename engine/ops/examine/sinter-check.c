/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Checks images, for any format: finds the driver, takes the lock, and walks a chain member by
 * member. Invariant: checking one image opens one file. A problem of a chain is a finding of the
 * image that names the file that cannot be used.
 */

#include "sinter/check.h"
#include "format/sinter-format.h"
#include "format/sinter-tally.h"
#include "sinter-error.h"
#include "sinter-progress.h"

gboolean
sinter_format_has_check(const char *format)
{
    const SinterFormat *driver = sinter_format_find(format, NULL);

    return driver && driver->check;
}

static SinterCheckResult *
check_io(SinterIo *io, const SinterFormat *driver, const SinterCheckOptions *options,
         GError **error)
{
    g_autoptr(SinterCheckResult) result = NULL;

    if (!driver->check) {
        g_set_error_literal(error, SINTER_ERROR, SINTER_ERROR_UNSUPPORTED,
                            "This image format does not support checks");
        return NULL;
    }
    if (!(options->flags & SINTER_CHECK_NO_LOCK) &&
        !sinter_io_lock(io, SINTER_IO_LOCK_SHARED, error))
        return NULL;
    result = sinter_check_result_new(sinter_io_get_path(io), driver->name);
    if (!driver->check(io, options, result, error))
        return NULL;
    return g_steal_pointer(&result);
}

SinterCheckResult *
sinter_image_check_io(SinterIo *io, const char *format, const SinterCheckOptions *options,
                      GError **error)
{
    const SinterCheckOptions none = { 0 };
    const SinterFormat *driver = sinter_format_choose(io, format, error);
    SinterCheckResult *result =
        driver ? check_io(io, driver, options ? options : &none, error) : NULL;

    if (!result)
        sinter_error_prefix(error, "Could not check '%s': ", sinter_io_get_path(io));
    return result;
}

static SinterIo *
check_open(SinterFs *fs, const char *path, const SinterCheckOptions *options, GError **error)
{
    SinterIoFlags flags = SINTER_IO_READ;

    if (options && (options->flags & SINTER_CHECK_NO_LOCK))
        flags |= SINTER_IO_NO_LOCK;
    return sinter_fs_open(fs, path, flags, error);
}

SinterCheckResult *
sinter_image_check(SinterFs *fs, const char *path, const char *format,
                   const SinterCheckOptions *options, GError **error)
{
    g_autoptr(SinterFs) files = fs ? sinter_fs_ref(fs) : sinter_fs_new_host(NULL, error);
    g_autoptr(SinterIo) io = files ? check_open(files, path, options, error) : NULL;

    return io ? sinter_image_check_io(io, format, options, error) : NULL;
}

/* --- chains --- */

typedef struct {
    SinterFs *fs;
    gboolean probe;
    const SinterCheckOptions *options;
    GPtrArray *results;
    GHashTable *seen; /* "device:inode" of the members checked so far */
} Walk;

/* The next image of the chain, as recorded in the image above. */
typedef struct {
    char *path;
    char *format;
    SinterCheckResult *above; /* NULL for the top */
} Member;

static void
member_clear(Member *self)
{
    g_clear_pointer(&self->path, g_free);
    g_clear_pointer(&self->format, g_free);
}

/* Adds a finding to the image above and ends the walk. */
static void
report(Walk *walk, SinterCheckResult *above, SinterFindingCode code, const char *detail)
{
    SinterTally tally;
    SinterFinding finding = { .code = code,
                              .guest_offset = SINTER_OFFSET_NONE,
                              .host_offset = SINTER_OFFSET_NONE,
                              .detail = g_strdup(detail) };

    sinter_tally_init(&tally, above, walk->options);
    sinter_tally_add(&tally, &finding);
    sinter_tally_clear(&tally);
}

/* Reports a member that is recorded as raw but looks like an image of another format. */
static void
report_doubt(Walk *walk, SinterCheckResult *above, const SinterImageInfo *info)
{
    g_autofree char *text = g_strdup_printf(
        "The backing file '%s' is recorded as format '%s', but starts with a header of format "
        "'%s'; if its format is '%s', store it with 'sinter-img rebase -u -b NAME -F %s OVERLAY'",
        info->path, info->format, info->looks_like, info->looks_like, info->looks_like);

    report(walk, above, SINTER_FINDING_BACKING_FORMAT_DOUBTFUL, text);
}

static gboolean
walk_knows(Walk *self, SinterIo *io, gboolean *ret_again, GError **error)
{
    SinterIoStat st;

    if (!sinter_io_stat(io, &st, error))
        return FALSE;
    *ret_again =
        !g_hash_table_add(self->seen, g_strdup_printf("%" G_GUINT64_FORMAT ":%" G_GUINT64_FORMAT,
                                                      st.device, st.inode));
    return TRUE;
}

/* Sets @member to the backing file in @info; its path is NULL at the end of the chain. */
static void
member_next(Walk *walk, Member *member, const SinterImageInfo *info)
{
    g_autofree char *text = NULL;

    member_clear(member);
    if (!info->backing_name)
        return;
    if (info->backing_path) {
        member->path = g_strdup(info->backing_path);
        member->format = g_strdup(info->backing_format);
        return;
    }
    text = g_strdup_printf("The backing file '%s' is not a plain path", info->backing_name);
    if (member->above)
        report(walk, member->above, SINTER_FINDING_CHAIN_MEMBER_MISSING, text);
}

/* Opens the member. Returns NULL without an error if it added a finding to the image above. */
static SinterIo *
member_open(Walk *walk, const Member *member, GError **error)
{
    g_autoptr(GError) failed = NULL;
    g_autoptr(SinterIo) io = check_open(walk->fs, member->path, walk->options, &failed);
    gboolean again = FALSE;

    if (!io && member->above &&
        (g_error_matches(failed, SINTER_ERROR, SINTER_ERROR_NOT_FOUND) ||
         g_error_matches(failed, SINTER_ERROR, SINTER_ERROR_NOT_AUTHORIZED))) {
        report(walk, member->above, SINTER_FINDING_CHAIN_MEMBER_MISSING, failed->message);
        return NULL;
    }
    if (!io) {
        g_propagate_error(error, g_steal_pointer(&failed));
        return NULL;
    }
    if (!walk_knows(walk, io, &again, error))
        return NULL;
    if (again) {
        g_autofree char *text = g_strdup_printf("The backing chain loops at '%s'", member->path);

        report(walk, member->above, SINTER_FINDING_CHAIN_LOOP, text);
        return NULL;
    }
    return g_steal_pointer(&io);
}

/* If no format is stored, it is raw, unless the caller trusts the content. */
static const SinterFormat *
member_driver(const Walk *walk, const Member *member, SinterIo *io, GError **error)
{
    if (member->format || walk->probe)
        return sinter_format_choose(io, member->format, error);
    g_set_error(error, SINTER_ERROR, SINTER_ERROR_INVALID_ARGUMENT,
                "Could not check '%s': its format is not stored, and probing is not allowed",
                member->path);
    return NULL;
}

/* Checks one member and advances @member to the next one; its path is NULL at the end. */
static gboolean
walk_member(Walk *self, Member *member, GError **error)
{
    GError *failed = NULL;
    g_autoptr(SinterIo) io = member_open(self, member, &failed);
    g_autoptr(SinterImageInfo) info = NULL;
    const SinterFormat *driver;
    SinterCheckResult *result = NULL;

    if (!io) {
        member_clear(member);
        if (failed)
            g_propagate_error(error, failed);
        return failed == NULL;
    }
    driver = member_driver(self, member, io, error);
    info = driver ? sinter_image_info_new_for_driver(io, driver, error) : NULL;
    if (!info)
        return FALSE;
    if (info->looks_like && member->above)
        report_doubt(self, member->above, info);
    if (driver->check) {
        result = sinter_image_check_io(io, driver->name, self->options, error);
        if (!result)
            return FALSE;
        g_ptr_array_add(self->results, result);
        member->above = result;
    }
    member_next(self, member, info);
    return TRUE;
}

static void
result_free(gpointer data)
{
    sinter_check_result_free(data);
}

GPtrArray *
sinter_chain_check(SinterFs *fs, const char *path, const char *format, gboolean probe,
                   const SinterCheckOptions *options, GError **error)
{
    const SinterCheckOptions none = { 0 };
    g_autoptr(SinterFs) files = fs ? sinter_fs_ref(fs) : sinter_fs_new_host(NULL, error);
    g_autoptr(GPtrArray) results = g_ptr_array_new_with_free_func(result_free);
    g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    Walk walk = { files, probe, options ? options : &none, results, seen };
    Member member = { g_strdup(path), g_strdup(format), NULL };
    gboolean ok = files != NULL;

    for (guint depth = 0; ok && member.path; depth++) {
        if (depth == SINTER_CHAIN_MAX_LAYERS) {
            report(&walk, member.above, SINTER_FINDING_CHAIN_TOO_DEEP,
                   "The chain has more images than can be opened");
            break;
        }
        ok = walk_member(&walk, &member, error);
    }
    member_clear(&member);
    return ok ? g_steal_pointer(&results) : NULL;
}
