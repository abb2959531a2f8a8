/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Which value holds for a disk, and where it is set. */

#include "sinter-policy-rules.h"

#include "plan-world.h"
#include "sinter-error.h"
#include "sinter-policy-limits.h"

typedef struct {
    const char *domain;
    const char *disk;
    const char *key;
    const char *value;
    const char *origin;
} Row;

static const Row rows[] = {
    { "web", "vda", "max-depth", "5", "policy-web" },
    { "web", "vdb", "max-depth", "0", "policy-second" },
    { "web2", "vda", "max-depth", "5", "policy-web" },
    { "db", "vda", "max-depth", "8", "policy" },
    { "db", "vda", "window", NULL, NULL },
    { "fast", "vda", "window", "22:00-23:00", "policy-fast" },
    { "fast", "vda", "max-depth", "8", "policy" },
    { "fast", "vdb", "window", NULL, NULL },
    { "web", "vda", "offline", NULL, NULL }, /* of a group without patterns */
};

static SinterPolicyRules *
make_rules(void)
{
    static const char *const set[][3] = {
        { "policy-web", "match-domain", "web*; mail" },
        { "policy-web", "max-depth", "4" },
        { "policy-second", "match-disk", "vdb" },
        { "policy-second", "match-domain", "web" },
        { "policy-second", "max-depth", "0" },
        { "policy", "max-depth", "8" }, /* the last one, but the most general */
        { "policy-fast", "match-path", "/fast/*" },
        { "policy-fast", "window", "22:00-23:00" },
        { "policy-nobody", "offline", "no" },
        { "policy-web", "max-depth", "5" }, /* a later file */
    };
    SinterPolicyRules *rules = sinter_policy_rules_new();

    for (gsize i = 0; i < G_N_ELEMENTS(set); i++)
        sinter_policy_rules_set(rules, set[i][0], set[i][1], set[i][2]);
    return rules;
}

static const SinterDomain *
find_domain(const GPtrArray *domains, const char *name)
{
    for (guint i = 0; i < domains->len; i++) {
        const SinterDomain *domain = domains->pdata[i];

        if (g_str_equal(domain->name, name))
            return domain;
    }
    g_assert_not_reached();
}

static void
test_values(void)
{
    g_autoptr(SinterPolicyRules) rules = make_rules();
    g_autoptr(GPtrArray) domains = plan_world_parse("web | vda: b > a | vdb: d > c\n"
                                                    "web2 | vda: f > e\n"
                                                    "db | vda: h > g\n"
                                                    "fast | vda: /fast/x > i | vdb: y > j\n",
                                                    "/nowhere");

    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
        const Row *row = &rows[i];
        const SinterDomain *domain = find_domain(domains, row->domain);
        const SinterDisk *disk = sinter_domain_find_disk(domain, row->disk);
        const char *origin = NULL;

        g_test_message("%s of %s %s", row->key, row->domain, row->disk);
        g_assert_cmpstr(sinter_policy_rules_get(rules, domain, disk, row->key, &origin), ==,
                        row->value);
        g_assert_cmpstr(origin, ==, row->origin);
    }
}

static void
test_equal(void)
{
    g_autoptr(SinterPolicyRules) one = make_rules();
    g_autoptr(SinterPolicyRules) same = make_rules();
    g_autoptr(SinterPolicyRules) none = sinter_policy_rules_new();

    g_assert_true(sinter_policy_rules_equal(one, same));
    g_assert_false(sinter_policy_rules_equal(one, none));
    g_assert_false(sinter_policy_rules_any(none));
    g_assert_true(sinter_policy_rules_any(one));
    sinter_policy_rules_set(same, "policy-web", "match-domain", "web*; news");
    g_assert_false(sinter_policy_rules_equal(one, same));
    sinter_policy_rules_set(none, "policy-x", "match-domain", "*");
    g_assert_false(sinter_policy_rules_any(none));
}

/* Shut off domains are left alone unless a value says otherwise, and then for some time. */
static void
test_limits(void)
{
    static const struct {
        const char *key;
        const char *value;
        gboolean ok;
        gboolean offline;
        gint64 delay_sec;
    } cases[] = {
        { "max-depth", "3", TRUE, FALSE, 600 },
        { "offline", "yes", TRUE, TRUE, 600 },
        { "offline-delay-sec", "0", TRUE, TRUE, 0 },
        { "offline-delay-sec", "86401", FALSE, TRUE, 0 },
        { "offline-delay-sec", "", FALSE, TRUE, 0 },
    };
    g_autoptr(SinterPolicyRules) rules = sinter_policy_rules_new();
    g_autoptr(GPtrArray) domains = plan_world_parse("web off | vda: b > a", "/nowhere");
    const SinterDomain *domain = domains->pdata[0];

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_auto(SinterPolicyLimits) limits = { 0 };
        g_autoptr(GError) error = NULL;

        sinter_policy_rules_set(rules, "policy", cases[i].key, cases[i].value);
        g_assert_true(sinter_policy_limits_read(&limits, rules, domain, domain->disks->pdata[0],
                                                &error) == cases[i].ok);
        g_assert_true(cases[i].ok ||
                      g_error_matches(error, SINTER_ERROR, SINTER_ERROR_INVALID_ARGUMENT));
        g_assert_true(limits.offline == cases[i].offline);
        g_assert_cmpint(limits.offline_delay_usec, ==, cases[i].delay_sec * G_USEC_PER_SEC);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/policy-rules/values", test_values);
    g_test_add_func("/policy-rules/equal", test_equal);
    g_test_add_func("/policy-rules/limits", test_limits);
    return g_test_run();
}
