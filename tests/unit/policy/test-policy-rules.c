/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Which value holds for a disk, and where it is set. */

#include "sinter-policy-rules.h"

#include "plan-world.h"

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

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/policy-rules/values", test_values);
    g_test_add_func("/policy-rules/equal", test_equal);
    return g_test_run();
}
