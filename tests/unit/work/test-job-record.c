/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Records survive the way to disk and back; every cut and every wrong member is refused. */

#include "sinter-file.h"
#include "sinter-job-store.h"

#include <glib/gstdio.h>
#include <string.h>

static char last_logged[1024];

static GLogWriterOutput
note_logged(GLogLevelFlags level, const GLogField *fields, gsize n_fields, gpointer data)
{
    for (gsize i = 0; i < n_fields; i++) {
        if (strcmp(fields[i].key, "MESSAGE") == 0)
            g_strlcpy(last_logged, fields[i].value, sizeof last_logged);
    }
    return G_LOG_WRITER_HANDLED;
}

static void
set_strings(char ***strings, const char *const *values)
{
    g_strfreev(*strings);
    *strings = g_strdupv((char **)values);
}

static GPtrArray *
sample_reports(void)
{
    GPtrArray *reports = sinter_image_reports_new();
    SinterImageReport *report = sinter_image_report_new(SINTER_IMAGE_CHECKED, NULL);
    SinterImageFinding *finding = sinter_image_report_add(report);

    report->path = g_strdup("/v/\xff b");
    report->leaks = 3;
    finding->code = g_strdup("leaked-cluster");
    finding->klass = g_strdup("leak");
    finding->text = g_strdup("a leak");
    finding->host_offset = 65536;
    g_ptr_array_add(reports, report);
    return reports;
}

static SinterJobRecord *
sample_record(const char *id)
{
    SinterJobRecord *record = sinter_job_record_new();
    const char *before[] = { "/v/b.qcow2", "/v/a \"quoted\".qcow2", NULL };
    const char *after[] = { "/v/a \"quoted\".qcow2", NULL };
    const char *none[] = { NULL };
    const char *ignored[] = { "db", NULL };

    record->id = g_strdup(id);
    record->domain_uuid = g_strdup("c7a5fdbd-edaf-9455-926a-d65c16db1809");
    record->domain_name = g_strdup("vm \xc3\xa4");
    record->plan = sinter_disk_plan_new("vda");
    record->plan->operation = SINTER_OPERATION_ACTIVE_COMMIT;
    record->plan->top_path = g_strdup(before[0]);
    record->plan->base_path = g_strdup(before[1]);
    record->plan->base_format = g_strdup("raw");
    set_strings(&record->plan->chain_before, before);
    set_strings(&record->plan->chain_after, after);
    set_strings(&record->plan->drop_snapshots, none);
    set_strings(&record->plan->ignored_readers, ignored);
    record->plan->ignore_manager = TRUE;
    record->plan->bytes_to_copy = G_MAXUINT64;
    record->plan->inactive_follows = TRUE;
    record->plan->offline = TRUE;
    record->phase = SINTER_PHASE_PIVOTING;
    record->uid = 1000;
    record->cancel_requested = TRUE;
    record->qemu_identity = g_strdup("domain 1, process 2");
    record->definition_guarded = TRUE;
    record->in_doubt = TRUE;
    record->choice = g_strdup(SINTER_JOB_CHOICE_COMPARE);
    record->obstacle = g_strdup("it runs");
    record->saved_limits = g_strsplit("write_bytes_sec=18446744073709551614 other=0", " ", -1);
    record->longest_hold_usec = G_MAXUINT64 - 1;
    record->created_usec = 1234567890123456;
    record->error_code = SINTER_ERROR_NO_SPACE;
    record->error_message = g_strdup("no room");
    sinter_job_record_warn(record, "beware of %d", 1);
    sinter_job_record_warn(record, "beware of %d", 1);
    record->reports = sample_reports();
    set_strings(&record->plan->check_paths, after);
    return record;
}

static void
test_round_trip(void)
{
    g_autoptr(SinterJobRecord) record = sample_record("7");
    g_autofree char *json = sinter_job_record_to_json(record);
    g_autoptr(GError) error = NULL;
    g_autoptr(SinterJobRecord) back = sinter_job_record_from_json(json, -1, &error);
    const SinterImageReport *report;
    g_autofree char *again = NULL;

    g_assert_no_error(error);
    again = sinter_job_record_to_json(back);
    g_assert_cmpstr(json, ==, again);
    g_assert_cmpuint(back->plan->bytes_to_copy, ==, G_MAXUINT64);
    g_assert_cmpint(back->phase, ==, SINTER_PHASE_PIVOTING);
    g_assert_true(back->plan->offline);
    g_assert_true(back->plan->ignore_manager);
    g_assert_cmpstr(back->plan->ignored_readers[0], ==, "db");
    g_assert_cmpstr(back->qemu_identity, ==, "domain 1, process 2");
    g_assert_true(back->definition_guarded);
    g_assert_true(back->in_doubt);
    g_assert_cmpstr(back->choice, ==, SINTER_JOB_CHOICE_COMPARE);
    g_assert_cmpstr(back->obstacle, ==, "it runs");
    g_assert_cmpuint(back->warnings->len, ==, 1);
    g_assert_nonnull(back->plan->drop_snapshots);
    g_assert_null(back->plan->drop_snapshots[0]);
    g_assert_cmpstr(back->plan->check_paths[0], ==, "/v/a \"quoted\".qcow2");
    report = g_ptr_array_index(back->reports, 0);
    g_assert_cmpstr(report->path, ==, "/v/\xff b");
    g_assert_cmpuint(report->leaks, ==, 3);
    g_assert_cmpuint(report->findings->len, ==, 1);
}

/* Records of live jobs say nothing of it. */
static void
test_live_without_flag(void)
{
    g_autoptr(SinterJobRecord) record = sample_record("7");
    g_autoptr(SinterJobRecord) back = NULL;
    g_autoptr(GError) error = NULL;
    g_autofree char *json = NULL;

    record->plan->offline = FALSE;
    json = sinter_job_record_to_json(record);
    g_assert_null(strstr(json, "offline"));
    back = sinter_job_record_from_json(json, -1, &error);
    g_assert_no_error(error);
    g_assert_false(back->plan->offline);
}

static void
test_copy_equals(void)
{
    g_autoptr(SinterJobRecord) record = sample_record("7");
    g_autoptr(SinterJobRecord) copy = sinter_job_record_copy(record);
    g_autofree char *one = sinter_job_record_to_json(record);
    g_autofree char *two = sinter_job_record_to_json(copy);

    g_assert_cmpstr(one, ==, two);
}

/* Cut anywhere, a record is refused: no prefix passes for a whole one. */
static void
test_every_cut(void)
{
    g_autoptr(SinterJobRecord) record = sample_record("7");
    g_autofree char *json = sinter_job_record_to_json(record);

    for (gsize len = 0; len < strlen(json); len++) {
        g_autoptr(GError) error = NULL;

        g_assert_null(sinter_job_record_from_json(json, (gssize)len, &error));
        g_assert_error(error, SINTER_ERROR, SINTER_ERROR_CORRUPT);
    }
}

static void
test_wrong_members(void)
{
    static const struct {
        const char *from;
        const char *to;
    } cases[] = {
        { "\"version\" : 1", "\"version\" : 2" },
        { "\"pivoting\"", "\"dancing\"" },
        { "\"active-commit\"", "\"sideways\"" },
        { "\"uid\" : 1000", "\"uid\" : -1" },
        { "\"uid\" : 1000", "\"uid\" : 99999999999" },
        { "\"uid\" : 1000", "\"uid\" : \"root\"" },
        { "\"cancel_requested\" : true", "\"cancel_requested\" : 1" },
        { "18446744073709551615", "18446744073709551616" },
        { "\"plan\"", "\"plans\"" },
        { "\"beware of 1\"", "7" },
    };
    g_autoptr(SinterJobRecord) record = sample_record("7");
    g_autofree char *json = sinter_job_record_to_json(record);

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GString) bad = g_string_new(json);
        g_autoptr(GError) error = NULL;

        g_assert_cmpuint(g_string_replace(bad, cases[i].from, cases[i].to, 1), ==, 1);
        g_assert_null(sinter_job_record_from_json(bad->str, -1, &error));
        g_assert_error(error, SINTER_ERROR, SINTER_ERROR_CORRUPT);
    }
}

static void
test_store(void)
{
    g_autofree char *dir = g_dir_make_tmp("sinter-store-XXXXXX", NULL);
    g_autofree char *jobs = g_build_filename(dir, "jobs", NULL);
    g_autofree char *cut = g_build_filename(jobs, "9.json", NULL);
    g_autofree char *bad = g_strconcat(cut, ".bad", NULL);
    g_autofree char *first = g_build_filename(jobs, "10.json", NULL);
    g_autoptr(SinterJobRecord) record = sample_record("10");
    g_autoptr(GPtrArray) records = NULL;
    g_autoptr(GError) error = NULL;
    g_autofree char *id = NULL;
    g_autoptr(SinterJobStore) store = sinter_job_store_new(jobs, &error);

    g_assert_no_error(error);
    g_assert_true(sinter_job_store_save(store, record, &error));
    g_assert_true(sinter_file_replace_durably(cut, "{ \"version\" : 1, \"id\" ", 20, 0600, &error));
    records = sinter_job_store_load(store, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(records->len, ==, 1);
    g_assert_true(g_pattern_match_simple("*9.json*was renamed*truncated*", last_logged));
    g_assert_true(g_file_test(bad, G_FILE_TEST_EXISTS));
    g_assert_false(g_file_test(cut, G_FILE_TEST_EXISTS));
    id = sinter_job_store_new_id(store);
    g_assert_cmpstr(id, ==, "11");

    g_assert_true(sinter_job_store_remove(store, "10", &error));
    g_assert_false(g_file_test(first, G_FILE_TEST_EXISTS));
    g_unlink(bad);
    g_rmdir(jobs);
    g_assert_cmpint(g_rmdir(dir), ==, 0);
}

/* Records from before they named the kind of job, one of each. */
static const char old_record[] =
    "{ \"version\": 1, \"id\": \"7\", \"domain_uuid\": \"u\", \"domain_name\": \"vm\","
    " \"bandwidth_bytes_per_sec\": \"0\", \"uid\": 1000, \"phase\": \"copying\","
    " \"cancel_requested\": false, \"throttled\": false,"
    " \"suspended\": false, \"created_usec\": 1,"
    " \"started_usec\": 2, \"ended_usec\": 0, \"error_code\": \"Failed\", \"warnings\": [],"
    " \"plan\": { \"disk\": \"vda\", \"operation\": \"commit\", \"shallow\": false,"
    " \"reuse_external\": false, \"pivot\": false, %s \"inactive_follows\": true,"
    " \"bytes_to_copy\": \"1\", \"space_before_bytes\": \"1\", \"space_after_bytes\": \"1\","
    " \"peak_extra_bytes\": \"1\", \"fs_device\": \"1\" } }";

static void
check_old_record(const char *flag, const char *kind)
{
    g_auto(GStrv) around = g_strsplit(old_record, "%s", 2);
    g_autofree char *json = g_strconcat(around[0], flag, around[1], NULL);
    g_autoptr(GError) error = NULL;
    g_autoptr(SinterJobRecord) record = sinter_job_record_from_json(json, -1, &error);

    g_assert_no_error(error);
    g_assert_cmpint(record->phase, ==, SINTER_PHASE_COPYING);
    g_assert_cmpstr(sinter_job_record_get_kind(record), ==, kind);
}

static void
test_records_without_a_kind(void)
{
    check_old_record("", "live-block-job");
    check_old_record("\"offline\": true,", "offline-merge");
}

static void
test_kind_is_kept(void)
{
    g_autoptr(SinterJobRecord) record = sample_record("1");
    g_autoptr(SinterJobRecord) back = NULL;
    g_autofree char *json = NULL;

    record->kind = g_strdup("of-a-later-version");
    json = sinter_job_record_to_json(record);
    back = sinter_job_record_from_json(json, -1, NULL);
    g_assert_cmpstr(sinter_job_record_get_kind(back), ==, "of-a-later-version");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_log_set_writer_func(note_logged, NULL, NULL);
    g_test_add_func("/job-record/round-trip", test_round_trip);
    g_test_add_func("/job-record/live-without-flag", test_live_without_flag);
    g_test_add_func("/job-record/copy-equals", test_copy_equals);
    g_test_add_func("/job-record/every-cut", test_every_cut);
    g_test_add_func("/job-record/wrong-members", test_wrong_members);
    g_test_add_func("/job-record/records-without-a-kind", test_records_without_a_kind);
    g_test_add_func("/job-record/kind-is-kept", test_kind_is_kept);
    g_test_add_func("/job-record/store", test_store);
    return g_test_run();
}
