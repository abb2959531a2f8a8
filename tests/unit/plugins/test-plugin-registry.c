/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What a plugin must be like to be taken, kind by kind, and what policies and remedies may answer.
 * Each refusal is one row: a sound plugin with one thing bent.
 */

#include "sinter-error.h"
#include "sinter-plugin-ask.h"
#include "sinter-plugin-registry.h"
#include "sinter-plugin-trust.h"

#include <sinter/format.h>
#include <string.h>

typedef struct {
    SinterProposal steps[2];
    guint n_steps;
    gboolean fails;
} Script;

/* What the played policy and remedy answer. */
static Script script;

static gboolean
play(SinterProposeFunc func, gpointer user_data, GError **error)
{
    for (guint i = 0; i < script.n_steps; i++)
        func(&script.steps[i], user_data);
    if (script.fails)
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_INVALID_ARGUMENT, "max-depth is no number");
    return !script.fails;
}

static gboolean
policy_propose(const SinterPolicyQuestion *question, SinterProposeFunc func, gpointer user_data,
               GError **error)
{
    g_assert_cmpint(question->now_usec, ==, 7);
    return play(func, user_data, error);
}

static gboolean
remedy_propose(const SinterRemedyQuestion *question, SinterProposeFunc func, gpointer user_data,
               GError **error)
{
    g_assert_cmpuint(question->n_attempts, ==, 3);
    return play(func, user_data, error);
}

static const SinterPolicy policy = { sizeof policy, SINTER_POLICY_API_VERSION, NULL, 0,
                                     policy_propose };
static const SinterRemedy remedy = { sizeof remedy, SINTER_REMEDY_API_VERSION, NULL, 0,
                                     remedy_propose };
static const SinterPlugin sound_policy = { SINTER_PLUGIN_ABI,    sizeof(SinterPlugin),
                                           SINTER_PLUGIN_POLICY, "policy-played",
                                           "is played",          &policy };
static const SinterPlugin sound_remedy = { SINTER_PLUGIN_ABI,    sizeof(SinterPlugin),
                                           SINTER_PLUGIN_REMEDY, "remedy-played",
                                           "is played",          &remedy };

static void
assert_refused(const SinterPlugin *plugin, SinterError code, const char *why)
{
    g_autoptr(SinterPluginRegistry) registry = sinter_plugin_registry_new();
    g_autoptr(GError) error = NULL;

    g_assert_false(sinter_plugin_registry_add(registry, plugin, "'/x.so'", &error));
    g_assert_error(error, SINTER_ERROR, (int)code);
    g_assert_true(g_str_has_prefix(error->message, "plugin '/x.so': "));
    if (!strstr(error->message, why))
        g_error("'%s' is not in '%s'", why, error->message);
    g_assert_cmpuint(sinter_plugin_registry_get_n(registry), ==, 0);
}

static void
test_descriptor(void)
{
    SinterPlugin plugin = sound_policy;

    plugin.abi++;
    plugin.name = NULL; /* of another ABI nothing else is looked at */
    assert_refused(&plugin, SINTER_ERROR_UNSUPPORTED, "built for plugin ABI 2, this program has 1");
    plugin = sound_policy;
    plugin.struct_size--;
    assert_refused(&plugin, SINTER_ERROR_INVALID_ARGUMENT, "its SinterPlugin has");
    plugin = sound_policy;
    plugin.kind = 9;
    assert_refused(&plugin, SINTER_ERROR_INVALID_ARGUMENT, "its kind 9 is unknown");
    plugin = sound_policy;
    plugin.summary = NULL;
    assert_refused(&plugin, SINTER_ERROR_INVALID_ARGUMENT, "no summary");
    plugin = sound_policy;
    plugin.operations = NULL;
    assert_refused(&plugin, SINTER_ERROR_INVALID_ARGUMENT, "no operations");
}

static void
test_names(void)
{
    static const char *const bad[] = { NULL,       "",         "policy",        "policy-",
                                       "policyx",  "remedy-x", "policy-Played", "policy-a b",
                                       "policy-ä", "x-policy", "policy_played" };
    SinterPlugin plugin = sound_policy;

    for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
        plugin.name = bad[i];
        assert_refused(&plugin, SINTER_ERROR_INVALID_ARGUMENT, "expected 'policy-'");
    }
}

static void
test_operations(void)
{
    SinterPolicy bent_policy = policy;
    SinterRemedy bent_remedy = remedy;
    SinterPlugin of_policy = sound_policy;
    SinterPlugin of_remedy = sound_remedy;

    of_policy.operations = &bent_policy;
    of_remedy.operations = &bent_remedy;
    bent_policy.api_version++;
    bent_remedy.api_version++;
    assert_refused(&of_policy, SINTER_ERROR_UNSUPPORTED, "API version 3, expected 2");
    assert_refused(&of_remedy, SINTER_ERROR_UNSUPPORTED, "API version 3, expected 2");
    bent_policy = policy;
    bent_remedy = remedy;
    bent_policy.struct_size = 8;
    bent_remedy.struct_size = 8;
    assert_refused(&of_policy, SINTER_ERROR_INVALID_ARGUMENT, "operations have 8 bytes, expected");
    assert_refused(&of_remedy, SINTER_ERROR_INVALID_ARGUMENT, "operations have 8 bytes, expected");
    bent_policy = policy;
    bent_remedy = remedy;
    bent_policy.propose = NULL;
    bent_remedy.propose = NULL;
    assert_refused(&of_policy, SINTER_ERROR_INVALID_ARGUMENT, "required operation is missing");
    assert_refused(&of_remedy, SINTER_ERROR_INVALID_ARGUMENT, "required operation is missing");
    bent_policy = policy;
    bent_policy.n_settings = 1; /* of a table that is not there */
    assert_refused(&of_policy, SINTER_ERROR_INVALID_ARGUMENT, "required operation is missing");
}

/* What the engine refuses comes through. */
static void
test_format(void)
{
    SinterFormat format = { .struct_size = sizeof format,
                            .api_version = SINTER_FORMAT_API_VERSION + 1,
                            .name = "played" };
    SinterPlugin plugin = { SINTER_PLUGIN_ABI, sizeof plugin, SINTER_PLUGIN_FORMAT,
                            "format-played",   "is played",   &format };

    assert_refused(&plugin, SINTER_ERROR_INVALID_ARGUMENT, "another API version");
    format.api_version--;
    assert_refused(&plugin, SINTER_ERROR_INVALID_ARGUMENT, "required for reading");
    format.name = "qcow2";
    assert_refused(&plugin, SINTER_ERROR_INVALID_ARGUMENT, "a format of that name exists");
}

static void
test_list(void)
{
    g_autoptr(SinterPluginRegistry) registry = sinter_plugin_registry_new();
    g_autoptr(GError) error = NULL;

    g_assert_true(sinter_plugin_registry_add(registry, &sound_policy, "'/a'", &error));
    g_assert_true(sinter_plugin_registry_add(registry, &sound_remedy, "'/b'", &error));
    g_assert_no_error(error);
    g_assert_false(sinter_plugin_registry_add(registry, &sound_policy, "'/c'", &error));
    g_assert_error(error, SINTER_ERROR, SINTER_ERROR_INVALID_ARGUMENT);
    g_assert_cmpstr(error->message, ==,
                    "plugin '/c': the name 'policy-played' is already used by '/a'");
    g_assert_cmpuint(sinter_plugin_registry_get_n(registry), ==, 2);
    g_assert_true(sinter_plugin_registry_get(registry, 1) == &sound_remedy);
    g_assert_cmpstr(sinter_plugin_registry_get_origin(registry, 1), ==, "'/b'");
    g_assert_true(sinter_plugin_registry_find(registry, "remedy-played") == &sound_remedy);
    g_assert_null(sinter_plugin_registry_find(registry, "remedy-other"));
    g_assert_cmpstr(sinter_plugin_kind_name(SINTER_PLUGIN_REMEDY), ==, "remedy");
    g_assert_cmpstr(sinter_plugin_kind_name(0), ==, "unknown");
}

/* Last: it registers formats, which stay. */
static void
test_built_in(void)
{
    g_autoptr(SinterPluginRegistry) registry = sinter_plugin_registry_new();
    g_autoptr(GError) error = NULL;
    const SinterPlugin *qcow1;

    g_assert_true(sinter_plugin_registry_add_built_in(registry, &error));
    g_assert_no_error(error);
    qcow1 = sinter_plugin_registry_find(registry, "format-qcow1");
    g_assert_nonnull(qcow1);
    g_assert_cmpint(qcow1->kind, ==, SINTER_PLUGIN_FORMAT);
    g_assert_nonnull(sinter_format_lookup("qcow"));
}

/* --- answers --- */

static GPtrArray *
ask(gboolean as_remedy, GError **error)
{
    return as_remedy ? sinter_plugin_ask_remedy(&sound_remedy,
                                                &(SinterRemedyQuestion){ .n_attempts = 3 }, error)
                     : sinter_plugin_ask_policy(&sound_policy,
                                                &(SinterPolicyQuestion){ .now_usec = 7 }, error);
}

static void
test_answer(void)
{
    char reason[] = "9 layers, at most 4 are wanted";
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) steps = NULL;
    const SinterProposal *first;

    script = (Script){ { { SINTER_PROPOSE_CONSOLIDATE, 4, 0, reason },
                         { SINTER_PROPOSE_REPORT, 0, 0, "that was much" } },
                       2 };
    steps = ask(FALSE, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(steps->len, ==, 2);
    first = g_ptr_array_index(steps, 0);
    reason[0] = 'X'; /* the answer is a copy */
    g_assert_cmpint(first->kind, ==, SINTER_PROPOSE_CONSOLIDATE);
    g_assert_cmpuint(first->keep, ==, 4);
    g_assert_cmpstr(first->reason, ==, "9 layers, at most 4 are wanted");
    g_assert_cmpstr(sinter_proposal_kind_name(first->kind), ==, "consolidate");
}

static void
test_no_answer(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) steps = NULL;

    script = (Script){ .n_steps = 0 };
    steps = ask(TRUE, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(steps->len, ==, 0);
}

typedef struct {
    gboolean as_remedy;
    SinterProposal step;
    const char *wrong; /* NULL: it may be proposed */
} AnswerRow;

static const AnswerRow answer_rows[] = {
    { TRUE, { SINTER_PROPOSE_EXTEND, 0, 1, "r" }, NULL },
    { TRUE, { SINTER_PROPOSE_RESUME, 0, 0, "r" }, NULL },
    { TRUE, { SINTER_PROPOSE_CONSOLIDATE, 0, 0, "r" }, NULL },
    { TRUE, { SINTER_PROPOSE_WAIT_SPACE, 0, 1, "r", 0 }, NULL },
    { TRUE, { SINTER_PROPOSE_WAIT_STORAGE, 0, 0, "r", 0 }, NULL },
    { TRUE, { SINTER_PROPOSE_WAIT_SPACE, 0, 0, "r", 0 }, "for 0 bytes" },
    { TRUE, { SINTER_PROPOSE_RESUME, 0, 0, "r", 86400 }, NULL },
    { TRUE, { SINTER_PROPOSE_RESUME, 0, 0, "r", 86401 }, "a delay" },
    { FALSE, { SINTER_PROPOSE_WAIT_SPACE, 0, 1, "r", 0 }, "only remedies" },
    { FALSE, { SINTER_PROPOSE_WAIT_STORAGE, 0, 0, "r", 0 }, "only remedies" },
    { FALSE, { SINTER_PROPOSE_EXTEND, 0, 1, "r" }, "only remedies" },
    { FALSE, { SINTER_PROPOSE_RESUME, 0, 0, "r" }, "only remedies" },
    { FALSE, { SINTER_PROPOSE_REPORT, 0, 0, NULL }, "without a reason" },
    { FALSE, { SINTER_PROPOSE_REPORT, 0, 0, "" }, "without a reason" },
    { TRUE, { SINTER_PROPOSE_EXTEND, 0, 0, "r" }, "by 0 bytes" },
    { TRUE, { 0, 0, 0, "r" }, "unknown kind" },
    { TRUE, { SINTER_PROPOSE_STOP, 0, 0, "r" }, NULL },
    { TRUE, { SINTER_PROPOSE_REPAIR, 0, 0, "r" }, NULL },
    { TRUE, { SINTER_PROPOSE_START, 0, 0, "r" }, NULL },
    { FALSE, { SINTER_PROPOSE_STOP, 0, 0, "r" }, "only remedies" },
    { FALSE, { SINTER_PROPOSE_REPAIR, 0, 0, "r" }, "only remedies" },
    { FALSE, { SINTER_PROPOSE_START, 0, 0, "r" }, "only remedies" },
    { FALSE, { 99, 0, 0, "r" }, "unknown kind" },
    { FALSE, { -1, 0, 0, "r" }, "unknown kind" },
};

static void
test_answers(void)
{
    for (gsize i = 0; i < G_N_ELEMENTS(answer_rows); i++) {
        const AnswerRow *row = &answer_rows[i];
        g_autoptr(GError) error = NULL;
        g_autoptr(GPtrArray) steps = NULL;

        script = (Script){ { row->step, { SINTER_PROPOSE_REPORT, 0, 0, "second" } }, 2 };
        steps = ask(row->as_remedy, &error);
        g_assert_true((steps != NULL) == (row->wrong == NULL));
        if (!row->wrong)
            continue;
        g_assert_error(error, SINTER_ERROR, SINTER_ERROR_FAILED);
        g_assert_nonnull(strstr(error->message, row->wrong));
        g_assert_nonnull(
            strstr(error->message, row->as_remedy ? "'remedy-played'" : "'policy-played'"));
    }
}

static void
test_answer_fails(void)
{
    g_autoptr(GError) error = NULL;

    script = (Script){ .fails = TRUE };
    g_assert_null(ask(FALSE, &error));
    g_assert_error(error, SINTER_ERROR, SINTER_ERROR_INVALID_ARGUMENT);
    g_assert_cmpstr(error->message, ==, "plugin 'policy-played': max-depth is no number");
}

/* --- trust --- */

typedef struct {
    mode_t mode;
    uid_t owner;
    uid_t user;
    gboolean trusted;
} TrustRow;

static const TrustRow trust_rows[] = {
    { S_IFREG | 0644, 0, 0, TRUE },        { S_IFREG | 0644, 0, 1000, TRUE },
    { S_IFREG | 0644, 1000, 1000, TRUE },  { S_IFREG | 0644, 1000, 0, FALSE },
    { S_IFREG | 0644, 1001, 1000, FALSE }, { S_IFREG | 0664, 0, 0, FALSE },
    { S_IFREG | 0646, 0, 0, FALSE },       { S_IFREG | 0666, 1000, 1000, FALSE },
    { S_IFDIR | 0755, 0, 0, TRUE },        { S_IFDIR | 0777, 0, 0, FALSE },
    { S_IFDIR | 01777, 0, 0, TRUE },       { S_IFDIR | 01777, 1000, 0, FALSE },
    { S_IFREG | 01666, 0, 0, FALSE },
};

static void
test_trust(void)
{
    for (gsize i = 0; i < G_N_ELEMENTS(trust_rows); i++) {
        struct stat st = { .st_mode = trust_rows[i].mode, .st_uid = trust_rows[i].owner };

        if (sinter_plugin_trust_judge(&st, trust_rows[i].user) != trust_rows[i].trusted)
            g_error("row %" G_GSIZE_FORMAT, i);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/plugin-registry/descriptor", test_descriptor);
    g_test_add_func("/plugin-registry/names", test_names);
    g_test_add_func("/plugin-registry/operations", test_operations);
    g_test_add_func("/plugin-registry/format", test_format);
    g_test_add_func("/plugin-registry/list", test_list);
    g_test_add_func("/plugin-registry/trust", test_trust);
    g_test_add_func("/plugin-ask/answer", test_answer);
    g_test_add_func("/plugin-ask/no-answer", test_no_answer);
    g_test_add_func("/plugin-ask/answers", test_answers);
    g_test_add_func("/plugin-ask/fails", test_answer_fails);
    g_test_add_func("/plugin-registry/built-in", test_built_in);
    return g_test_run();
}
