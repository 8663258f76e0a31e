/*
 * test_jobs.c - work on the asset files: started, followed, cancelled, one at a time; and the own
 * daemon.
 */
#include "admin/jobs.h"
#include "admin/site.h"
#include "base/file.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[64];

static void write_file(const char *name, const char *text)
{
    char path[160];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    assert_int_equal(perfopt__file_replace(path, text, strlen(text), NULL), PERFOPT_OK);
}

static int set_up(void **state)
{
    static site s;
    snprintf(folder, sizeof(folder), "/tmp/perfopt-admin-XXXXXX");
    assert_non_null(mkdtemp(folder));
    char css[4000] = "";
    for (int i = 0; i < 60; i++)
        snprintf(css + strlen(css), sizeof(css) - strlen(css), ".class-%d {\n    color: red;\n}\n",
                 i);
    write_file("site.css", css);
    write_file("broken.js", "var a = 'never closed\n");
    write_file("app.js", "function twice(x) {\n    return 2 * x;\n}\n");
    site_start(&s, &(site_setup){.password = SITE_PASSWORD, .assets = folder});
    *state = &s;
    return 0;
}

static int tear_down(void **state)
{
    char command[128];
    site_stop(*state);
    snprintf(command, sizeof(command), "rm -rf '%s'", folder);
    return system(command);
}

static reply act(site *s, const char *action, const char *json)
{
    char token[128];
    site_token(s, SITE_ADMIN, token);
    return site_act(s, action, json, SITE_ADMIN, token);
}

static void job_id(const reply *r, char out[17])
{
    const char *at = strstr(r->body, "\"job\":\"");
    assert_non_null(at);
    snprintf(out, 17, "%s", at + 7);
}

/* Asks for the job as the page does until it has ended. */
static void wait_for(site *s, const char *id, const char *state, const char *part)
{
    char target[100], wanted[40];
    snprintf(target, sizeof(target), "/admin/performance/api/v1/jobs/%s", id);
    snprintf(wanted, sizeof(wanted), "\"state\":\"%s\"", state);
    for (int i = 0; i < 2000; i++) {
        reply r = site_get(s, target, SITE_ADMIN);
        assert_int_equal(r.status, 200);
        bool running = strstr(r.body, "\"state\":\"running\"") != NULL;
        if (!running) {
            if (!strstr(r.body, wanted) || !strstr(r.body, part))
                print_error("%s\n", r.body);
            assert_non_null(strstr(r.body, wanted));
            assert_non_null(strstr(r.body, part));
            reply_finish(&r);
            return;
        }
        reply_finish(&r);
        usleep(5000);
    }
    fail_msg("the job did not end");
}

static void run(site *s, const char *action, const char *json, const char *part)
{
    char id[17];
    reply r = act(s, action, json);
    assert_int_equal(r.status, 202);
    job_id(&r, id);
    reply_finish(&r);
    wait_for(s, id, "done", part);
}

static void test_precompile_and_look(void **state)
{
    site *s = *state;
    run(s, "assets.precompile", "{\"by\":\"pattern\",\"value\":\"*.css\"}", "1 of 1 files built");
    run(s, "assets.precompile", "{\"by\":\"all\"}", "2 of 3 files built, 1 with a problem");
    run(s, "assets.verify", "{}", "Every file matches");
    write_file("app.js", "function thrice(x) {\n    return 3 * x;\n}\n");
    run(s, "assets.verify", "{\"by\":\"check\"}", "1 files do not match");
    reply r = site_get(s, "/admin/performance/asset-optimization", SITE_ADMIN);
    assert_int_equal(r.status, 200);
    assert_non_null(strstr(r.body, "The source changed after it was built."));
    assert_non_null(strstr(r.body, "broken.js"));
    assert_non_null(strstr(r.body, "1 files do not match"));
    reply_finish(&r);
    run(s, "assets.verify", "{\"by\":\"rebuild\"}", "were built again");
    run(s, "assets.compress", "{}", "compressed variants written");
    run(s, "assets.purge", "{}", "old files deleted");
}

static void test_jobs_are_found_by_id_only(void **state)
{
    site *s = *state;
    static const char *const ids[] = {"", "0", "x/y", "0123456789abcdef", "%3Cimg%3E"};
    for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
        char target[100];
        snprintf(target, sizeof(target), "/admin/performance/api/v1/jobs/%s", ids[i]);
        reply r = site_get(s, target, SITE_ADMIN);
        assert_int_equal(r.status, 404);
        reply_finish(&r);
    }
}

/* ---- one at a time, held by a worker that waits --------------------------------------------- */

typedef struct gate {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    unsigned waiting;
    bool open;
} gate;

static void hold(void *user)
{
    gate *g = user;
    pthread_mutex_lock(&g->lock);
    g->waiting++;
    pthread_cond_broadcast(&g->changed);
    while (!g->open)
        pthread_cond_wait(&g->changed, &g->lock);
    pthread_mutex_unlock(&g->lock);
}

/* Both workers of the site wait behind the gate, so that a job stays in the queue. */
static void close_gate(site *s, gate *g)
{
    assert_int_equal(perfopt_workers_submit(s->workers, hold, g, NULL), PERFOPT_OK);
    assert_int_equal(perfopt_workers_submit(s->workers, hold, g, NULL), PERFOPT_OK);
    pthread_mutex_lock(&g->lock);
    while (g->waiting < 2)
        pthread_cond_wait(&g->changed, &g->lock);
    pthread_mutex_unlock(&g->lock);
}

static void open_gate(gate *g)
{
    pthread_mutex_lock(&g->lock);
    g->open = true;
    pthread_cond_broadcast(&g->changed);
    pthread_mutex_unlock(&g->lock);
}

static void test_one_job_at_a_time_and_cancel(void **state)
{
    site *s = *state;
    static gate g = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, false};
    char id[17], json[64];
    close_gate(s, &g);
    reply r = act(s, "assets.precompile", "{}");
    assert_int_equal(r.status, 202);
    job_id(&r, id);
    reply_finish(&r);
    r = act(s, "assets.verify", "{}");
    assert_int_equal(r.status, 409);
    assert_non_null(strstr(r.body, "\"error\":\"job_running\""));
    reply_finish(&r);
    r = site_get(s, "/admin/performance/asset-optimization", SITE_ADMIN);
    assert_non_null(strstr(r.body, "<progress"));
    assert_non_null(strstr(r.body, "disabled>Verify hashes"));
    reply_finish(&r);
    snprintf(json, sizeof(json), "{\"by\":\"id\",\"value\":\"%s\"}", id);
    r = act(s, "job.cancel", json);
    assert_int_equal(r.status, 200);
    reply_finish(&r);
    open_gate(&g);
    wait_for(s, id, "cancelled", "files built");
    r = act(s, "job.cancel", json);
    assert_int_equal(r.status, 409);
    reply_finish(&r);
    run(s, "assets.precompile", "{}", "files built");
}

static void ignore_change(void *user)
{
    (*(int *)user)++;
}

/* The pool is destroyed before it came to the job: the job ends, and nobody waits for ever. */
static void test_a_dropped_task_ends_its_job(void **state)
{
    site *s = *state;
    perfopt_workers *workers;
    perfopt__jobs *jobs;
    static gate g = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, false};
    int changes = 0;
    char id[17];
    assert_int_equal(perfopt_workers_create(1, 1, &workers, NULL), PERFOPT_OK);
    const perfopt_admin_sources sources = {.assets = s->assets, .workers = workers};
    assert_int_equal(perfopt__jobs_create(&sources, ignore_change, &changes, &jobs), PERFOPT_OK);
    assert_int_equal(perfopt_workers_submit(workers, hold, &g, NULL), PERFOPT_OK);
    pthread_mutex_lock(&g.lock);
    while (g.waiting < 1)
        pthread_cond_wait(&g.changed, &g.lock);
    pthread_mutex_unlock(&g.lock);
    assert_int_equal(perfopt_workers_submit(workers, hold, &g, NULL), PERFOPT_OK);
    /* The queue is full: the start fails and leaves no job running. */
    assert_int_equal(perfopt__jobs_start(jobs, PERFOPT__JOB_VERIFY, NULL, id), PERFOPT_ELIMIT);
    assert_int_equal(perfopt__jobs_start(jobs, PERFOPT__JOB_VERIFY, NULL, id), PERFOPT_ELIMIT);
    assert_int_equal(changes, 4);
    open_gate(&g);
    perfopt_workers_destroy(workers);
    perfopt__jobs_destroy(jobs);
}

/* ---- own daemon ---------------------------------------------------------------------------- */

static uint16_t free_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &length), 0);
    close(fd);
    return ntohs(address.sin_port);
}

static void ask_port(uint16_t port, const char *request, char *answer, size_t size)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(write(fd, request, strlen(request)), (ssize_t)strlen(request));
    size_t used = 0;
    for (ssize_t n; used + 1 < size && (n = read(fd, answer + used, size - used - 1)) > 0;)
        used += (size_t)n;
    answer[used] = '\0';
    close(fd);
}

static void test_own_daemon(void **state)
{
    (void)state;
    static char answer[200000];
    perfopt_error err = PERFOPT_ERROR_INIT;
    site s, other;
    uint16_t port = free_port();
    site_start(&s, &(site_setup){.password = SITE_PASSWORD, .port = port});
    assert_int_equal(perfopt_admin_listen(s.admin, &err), PERFOPT_OK);
    assert_int_equal(perfopt_admin_port(s.admin), port);
    assert_int_equal(perfopt_admin_listen(s.admin, &err), PERFOPT_EBUSY);
    site_start(&other, &(site_setup){.password = SITE_PASSWORD, .port = port});
    assert_int_equal(perfopt_admin_listen(other.admin, &err), PERFOPT_EIO);
    assert_non_null(strstr(err.message, "cannot listen on 127.0.0.1"));
    site_stop(&other);
    ask_port(port, "GET /admin/performance HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
             answer, sizeof(answer));
    assert_int_equal(strncmp(answer, "HTTP/1.1 401 ", 13), 0);
    ask_port(port,
             "GET /admin/performance HTTP/1.1\r\nHost: x\r\nAuthorization: " SITE_ADMIN
             "\r\nConnection: close\r\n\r\n",
             answer, sizeof(answer));
    assert_int_equal(strncmp(answer, "HTTP/1.1 200 ", 13), 0);
    assert_non_null(strstr(answer, "</html>"));
    ask_port(port, "GET /hello HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", answer,
             sizeof(answer));
    assert_int_equal(strncmp(answer, "HTTP/1.1 404 ", 13), 0);
    site_stop(&s);
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_precompile_and_look),          TEST(test_jobs_are_found_by_id_only),
        TEST(test_one_job_at_a_time_and_cancel), TEST(test_a_dropped_task_ends_its_job),
        cmocka_unit_test(test_own_daemon),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
