/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* How long a disk is left alone after what came of automatic work on it. */

#include "sinter-policy-memory.h"

#include "plan-world.h"
#include "sinter-error.h"

#define MINUTE_USEC (G_GINT64_CONSTANT(60) * G_USEC_PER_SEC)
#define DAY_USEC (G_GINT64_CONSTANT(86400) * G_USEC_PER_SEC)
#define NOW_USEC DAY_USEC

typedef struct {
    SinterPolicyMemory *memory;
    GPtrArray *domains;
    SinterPolicyDisk place;
} World;

static void
world_init(World *self, const char *text)
{
    self->memory = sinter_policy_memory_new();
    self->domains = plan_world_parse(text, "/nowhere");
    self->place.domain = self->domains->pdata[0];
    self->place.disk = self->place.domain->disks->pdata[0];
    self->place.generation = 1;
    self->place.now_usec = NOW_USEC;
}

static void
world_clear(World *self)
{
    sinter_policy_memory_free(self->memory);
    g_ptr_array_unref(self->domains);
}

static void
assert_free_after(World *self, gint64 usec)
{
    gint64 until_usec = 0;
    gint64 start_usec = self->place.now_usec;

    self->place.now_usec = start_usec + usec - 1;
    g_assert_nonnull(sinter_policy_memory_find_obstacle(self->memory, &self->place, &until_usec));
    self->place.now_usec = start_usec + usec;
    g_assert_null(sinter_policy_memory_find_obstacle(self->memory, &self->place, &until_usec));
}

static void
end_operation(World *self, const char *id, SinterPhase phase, gboolean of_policy,
              SinterOperation operation)
{
    g_autoptr(SinterJobRecord) record = sinter_job_record_new();

    record->id = g_strdup(id);
    record->domain_uuid = g_strdup(self->place.domain->uuid);
    record->plan = sinter_disk_plan_new(self->place.disk->target);
    record->plan->policy = of_policy ? g_strdup("policy-depth") : NULL;
    record->plan->operation = operation;
    record->phase = phase;
    record->ended_usec = self->place.now_usec;
    sinter_policy_memory_take_job(self->memory, record);
}

static void
end_job(World *self, const char *id, SinterPhase phase, gboolean of_policy)
{
    end_operation(self, id, phase, of_policy, SINTER_OPERATION_COMMIT);
}

/* Returns whether the refusal is worth a message. */
static gboolean
refuse(World *self, const SinterPolicyDisk *place, int code, const char *text)
{
    g_autoptr(GError) error = g_error_new_literal(SINTER_ERROR, code, text);

    return sinter_policy_memory_refuse(self->memory, place, error);
}

static void
test_refusal(void)
{
    World world;
    World other;
    gint64 until_usec;

    world_init(&world, "web | vda: b > a");
    world_init(&other, "web | vda: c > b > a");
    g_assert_true(refuse(&world, &world.place, SINTER_ERROR_SHARED_BASE, "shared"));
    world.place.now_usec += 10 * DAY_USEC; /* nothing has changed */
    g_assert_cmpstr(sinter_policy_memory_find_obstacle(world.memory, &world.place, &until_usec), ==,
                    "shared");
    g_assert_cmpint(until_usec, ==, G_MAXINT64);
    world.place.now_usec = NOW_USEC;
    world.place.generation = 2; /* something has changed: once a minute has passed */
    g_assert_true(sinter_policy_memory_is_refused(world.memory, &world.place));
    assert_free_after(&world, MINUTE_USEC);
    g_assert_false(sinter_policy_memory_is_refused(world.memory, &world.place));
    g_assert_false(refuse(&world, &world.place, SINTER_ERROR_SHARED_BASE, "shared"));
    world.place.generation = 3;
    assert_free_after(&world, 2 * MINUTE_USEC);
    /* another chain too: once the time has passed, and then from a minute again */
    g_assert_false(refuse(&world, &world.place, SINTER_ERROR_SHARED_BASE, "shared"));
    other.place.generation = 3;
    other.place.now_usec = world.place.now_usec;
    g_assert_nonnull(sinter_policy_memory_find_obstacle(world.memory, &other.place, &until_usec));
    g_assert_cmpint(until_usec, ==, other.place.now_usec + 4 * MINUTE_USEC);
    other.place.now_usec = until_usec;
    g_assert_null(sinter_policy_memory_find_obstacle(world.memory, &other.place, &until_usec));
    g_assert_false(refuse(&world, &other.place, SINTER_ERROR_SHARED_BASE, "shared"));
    g_assert_nonnull(sinter_policy_memory_find_obstacle(world.memory, &world.place, &until_usec));
    g_assert_cmpint(until_usec, ==, other.place.now_usec + MINUTE_USEC);
    sinter_policy_memory_forget(world.memory, world.place.domain->uuid);
    g_assert_null(sinter_policy_memory_find_obstacle(world.memory, &world.place, &until_usec));
    world_clear(&world);
    world_clear(&other);
}

/* A guest that writes is no change, and neither is an amount in the text a new reason. */
static void
test_bytes(void)
{
    World world;
    World grown;
    gint64 until_usec;

    world_init(&world, "web | vda: b:64M > a:64M");
    world_init(&grown, "web | vda: b:96M:free50G > a:80M");
    g_assert_true(refuse(&world, &world.place, SINTER_ERROR_NO_SPACE, "10 MiB are free"));
    grown.place.now_usec += DAY_USEC;
    g_assert_nonnull(sinter_policy_memory_find_obstacle(world.memory, &grown.place, &until_usec));
    g_assert_false(refuse(&world, &grown.place, SINTER_ERROR_NO_SPACE, "9 MiB are free"));
    grown.place.generation = 2;
    g_assert_nonnull(sinter_policy_memory_find_obstacle(world.memory, &grown.place, &until_usec));
    g_assert_cmpint(until_usec, ==, grown.place.now_usec + 2 * MINUTE_USEC);
    g_assert_true(refuse(&world, &grown.place, SINTER_ERROR_SHARED_BASE, "shared"));
    world_clear(&world);
    world_clear(&grown);
}

static void
test_failures(void)
{
    static const guint minutes[] = { 1, 2, 4, 8, 16, 32, 64, 128, 256, 360, 360, 360, 360, 360 };
    World world;
    gint64 until_usec;

    world_init(&world, "web | vda: b > a");
    for (gsize i = 0; i < G_N_ELEMENTS(minutes); i++) {
        end_job(&world, "1", SINTER_PHASE_FAILED, TRUE);
        g_assert_false(sinter_policy_memory_is_refused(world.memory, &world.place));
        assert_free_after(&world, minutes[i] * MINUTE_USEC);
    }
    end_job(&world, "2", SINTER_PHASE_DONE, FALSE);
    end_job(&world, "3", SINTER_PHASE_FAILED, TRUE);
    assert_free_after(&world, MINUTE_USEC);
    end_job(&world, "4", SINTER_PHASE_CANCELLED, TRUE);
    assert_free_after(&world, DAY_USEC);
    /* what users' jobs come to is not held against the disk … */
    end_job(&world, "5", SINTER_PHASE_FAILED, FALSE);
    end_job(&world, "6", SINTER_PHASE_CANCELLED, FALSE);
    g_assert_null(sinter_policy_memory_find_obstacle(world.memory, &world.place, &until_usec));
    /* … except a state that nobody understands */
    end_job(&world, "7", SINTER_PHASE_QUARANTINED, FALSE);
    world.place.now_usec += 1000 * DAY_USEC;
    g_assert_cmpstr(sinter_policy_memory_find_obstacle(world.memory, &world.place, &until_usec), ==,
                    "job 7 quarantined");
    /* a check says nothing about it, and neither does a definition of the domain that goes */
    end_operation(&world, "9", SINTER_PHASE_DONE, FALSE, SINTER_OPERATION_CHECK);
    end_operation(&world, "10", SINTER_PHASE_DONE, FALSE, SINTER_OPERATION_RECOVER);
    sinter_policy_memory_forget(world.memory, world.place.domain->uuid);
    g_assert_nonnull(sinter_policy_memory_find_obstacle(world.memory, &world.place, &until_usec));
    end_job(&world, "8", SINTER_PHASE_DONE, FALSE);
    g_assert_null(sinter_policy_memory_find_obstacle(world.memory, &world.place, &until_usec));
    world_clear(&world);
}

static void
test_shut_off(void)
{
    World off;
    World on;
    const char *uuid;

    world_init(&off, "web off | vda: b > a");
    world_init(&on, "web | vda: b > a");
    uuid = off.place.domain->uuid;
    g_assert_cmpint(sinter_policy_memory_find_shut_off(off.memory, uuid, 7), ==, 7);
    sinter_policy_memory_see(off.memory, off.place.domain, 10);
    sinter_policy_memory_see(off.memory, off.place.domain, 20);
    g_assert_cmpint(sinter_policy_memory_find_shut_off(off.memory, uuid, 30), ==, 10);
    sinter_policy_memory_see(off.memory, on.place.domain, 40);
    sinter_policy_memory_see(off.memory, off.place.domain, 50);
    g_assert_cmpint(sinter_policy_memory_find_shut_off(off.memory, uuid, 60), ==, 50);
    world_clear(&off);
    world_clear(&on);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/policy-memory/refusal", test_refusal);
    g_test_add_func("/policy-memory/bytes", test_bytes);
    g_test_add_func("/policy-memory/failures", test_failures);
    g_test_add_func("/policy-memory/shut-off", test_shut_off);
    return g_test_run();
}
