/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the client says of a check, and the status with which it ends. */

#include "sinter-command.h"
#include "text/sinter-check-text.h"
#include "text/sinter-job-text.h"

#define IMAGE(path, state, complete, corruptions, leaks, errors)                                   \
    "{'path': <'" path "'>, 'state': <'" state "'>, 'complete': <" complete                        \
    ">, 'corruptions': <uint64 " corruptions ">, 'leaks': <uint64 " leaks                          \
    ">, 'errors': <uint64 " errors ">}"
#define CLEAN IMAGE("/v/a", "checked", "true", "0", "0", "0")
#define SKIPPED "{'path': <'/v/r'>, 'state': <'skipped'>, 'text': <'no check'>}"
#define FAILED "{'path': <'/v/f'>, 'state': <'failed'>, 'text': <'in use'>}"
#define REPAIRED                                                                                   \
    "{'path': <'/v/x'>, 'state': <'checked'>, 'complete': <true>, 'repaired': <uint64 4>}"
#define LEAKY IMAGE("/v/l", "checked", "true", "0", "1", "0")
#define CORRUPT IMAGE("/v/c", "checked", "true", "2", "3", "0")
#define PARTLY IMAGE("/v/p", "checked", "false", "0", "0", "0")
#define UNREAD IMAGE("/v/u", "checked", "true", "0", "0", "1")

/* A job that is done, with these images and findings. */
static SinterProperties *
make_job(const char *images, const char *findings)
{
    g_autofree char *text =
        g_strdup_printf("{'Operation': <'check'>, 'Phase': <'done'>, 'DomainName': <''>, 'Disk': "
                        "<'/v/a'>, 'Images': <@aa{sv} [%s]>, 'Findings': <@aa{sv} [%s]>}",
                        images, findings);
    g_autoptr(GError) error = NULL;
    g_autoptr(GVariant) dictionary =
        g_variant_parse(G_VARIANT_TYPE_VARDICT, text, NULL, NULL, &error);

    g_assert_no_error(error);
    return sinter_properties_new(dictionary);
}

static void
test_ends(void)
{
    static const struct {
        const char *images;
        int status;
        const char *text;
    } table[] = {
        { "", SINTER_EXIT_DONE, "0 images checked: no damage found" },
        { CLEAN, SINTER_EXIT_DONE, "1 image checked: no damage found" },
        { CLEAN "," SKIPPED, SINTER_EXIT_DONE, "1 image checked, 1 not checked: no damage found" },
        { CLEAN "," LEAKY, SINTER_EXIT_LEAKS, "2 images checked: 1 leaked cluster" },
        { CLEAN "," CORRUPT, SINTER_EXIT_CORRUPT,
          "2 images checked: 2 corruptions, 3 leaked clusters" },
        { LEAKY "," CORRUPT "," FAILED, SINTER_EXIT_CORRUPT,
          "2 images checked, 1 not checked: 2 corruptions, 4 leaked clusters; not everything could "
          "be read" },
        { LEAKY "," FAILED, SINTER_EXIT_UNCHECKED,
          "1 image checked, 1 not checked: 1 leaked cluster; not everything could be read" },
        { CLEAN "," REPAIRED, SINTER_EXIT_DONE,
          "2 images checked, 4 findings repaired: no damage left" },
        { PARTLY, SINTER_EXIT_UNCHECKED,
          "1 image checked: no damage found; not everything could be read" },
        { UNREAD, SINTER_EXIT_UNCHECKED,
          "1 image checked: no damage found; not everything could be read" },
    };

    for (gsize i = 0; i < G_N_ELEMENTS(table); i++) {
        g_autoptr(SinterProperties) job = make_job(table[i].images, "");
        g_autofree char *text = sinter_job_text_outcome(job);
        g_autofree char *label = sinter_job_text_label(job);

        g_assert_cmpstr(text, ==, table[i].text);
        g_assert_cmpstr(label, ==, "/v/a");
        g_assert_cmpint(sinter_job_text_exit_status(job), ==, table[i].status);
    }
}

/* How a repair is taken back: the last change first. */
static void
test_undo_files(void)
{
    g_autoptr(GVariant) undo = g_variant_ref_sink(
        g_variant_new_parsed("{'UndoFiles': <['/u/job1-0-1.undo', '/u/job1-0-2.undo']>}"));
    g_autoptr(SinterProperties) job = make_job("", "");
    g_autofree char *text = NULL;

    sinter_properties_update(job, undo);
    text = sinter_check_text_report(job, TRUE);
    g_assert_cmpstr(text, ==,
                    "\nTo restore the images as they were, run:\n"
                    "  sinter-img undo /u/job1-0-2.undo\n"
                    "  sinter-img undo /u/job1-0-1.undo\n");
}

static void
test_report(void)
{
    g_autoptr(SinterProperties) job =
        make_job(CORRUPT "," SKIPPED,
                 "{'image': <'/v/c'>, 'code': <'some-code'>, 'class': <'corruption'>, 'text': "
                 "<'a text'>, 'guest-offset': <uint64 65536>, 'times': <uint64 1>},"
                 "{'image': <'/v/c'>, 'code': <'leaked'>, 'class': <'leak'>, 'text': <'more'>, "
                 "'host-offset': <uint64 4096>, 'times': <uint64 1>}");
    g_autoptr(SinterProperties) none = make_job("", "");
    g_autofree char *text = sinter_check_text_report(job, FALSE);
    g_autofree char *empty = sinter_check_text_report(none, TRUE);

    g_assert_cmpstr(text, ==,
                    " /v/c   checked   2   3   0   -\n"
                    " /v/r   skipped   -   -   -   no check\n"
                    "\n/v/c:\n"
                    " corruption   0x10000        -   some-code   a text\n"
                    " leak               -   0x1000   leaked      more\n");
    g_assert_cmpstr(empty, ==, "");
}

/* Another job has no such result. */
static void
test_no_check(void)
{
    g_autoptr(SinterProperties) job = sinter_properties_new(NULL);
    g_autofree char *text = sinter_check_text_report(job, TRUE);

    g_assert_false(sinter_check_text_is_check(job));
    g_assert_cmpint(sinter_check_text_exit_status(job), ==, SINTER_EXIT_DONE);
    g_assert_cmpstr(text, ==, "");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/check-text/ends", test_ends);
    g_test_add_func("/check-text/report", test_report);
    g_test_add_func("/check-text/undo-files", test_undo_files);
    g_test_add_func("/check-text/no-check", test_no_check);
    return g_test_run();
}
