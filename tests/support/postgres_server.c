/*
 * postgres_server.c - starts and steers a private PostgreSQL. The server refuses to run as root, so
 * root's children become the user postgres first.
 */
#include "support/postgres_server.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <libpq-fe.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifndef TEST_POSTGRES_BIN
#define TEST_POSTGRES_BIN "/usr/lib/postgresql/15/bin"
#endif

struct test_postgres {
    test_postgres *next; /* all servers of this process, for the exit handler */
    char folder[64];
    char url[160];
    char socket[96];
    char max_connections[16];
    pid_t pid; /* 0 = stopped */
    char *reply;
};

static test_postgres *servers;
static pid_t owner; /* a forked child must not end its parent's servers */

static void die(const test_postgres *pg, const char *what)
{
    fprintf(stderr, "test postgres (%s): %s: %s\n", pg ? pg->folder : "-", what, strerror(errno));
    exit(99);
}

static void pause_ms(long ms)
{
    struct timespec ts = {ms / 1000, ms % 1000 * 1000000};
    nanosleep(&ts, NULL);
}

/* ---- processes ---------------------------------------------------------------------------- */

/* In a child: the user the server runs as, a quiet standard output, an end with the parent. */
static void become_server(pid_t parent, const char *log)
{
    const struct passwd *user = geteuid() == 0 ? getpwnam("postgres") : NULL;
    if (geteuid() == 0 && (!user || initgroups("postgres", user->pw_gid) != 0 ||
                           setgid(user->pw_gid) != 0 || setuid(user->pw_uid) != 0))
        _exit(96);
    prctl(PR_SET_PDEATHSIG, SIGQUIT); /* after setuid, which clears it */
    if (getppid() != parent)
        _exit(98);
    int out = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
    int null = open("/dev/null", O_RDONLY);
    dup2(null, STDIN_FILENO);
    dup2(out, STDOUT_FILENO);
    dup2(out, STDERR_FILENO);
}

static pid_t spawn(const test_postgres *pg, const char *program, const char *const *arguments)
{
    char log[96], path[128];
    snprintf(log, sizeof(log), "%s/log", pg->folder);
    snprintf(path, sizeof(path), "%s/%s", TEST_POSTGRES_BIN, program);
    pid_t parent = getpid();
    pid_t pid = fork();
    if (pid < 0)
        die(pg, "fork");
    if (pid == 0) {
        become_server(parent, log);
        /* The server's user may not be allowed to enter the folder that the tests run in; and a
         * program of PostgreSQL finds the others by its own name, which has to be the whole path.
         */
        const char *full[32] = {path};
        for (size_t i = 1; i < 31 && arguments[i]; i++)
            full[i] = arguments[i];
        if (chdir("/") != 0)
            _exit(98);
        execv(path, (char *const *)(uintptr_t)full); /* which does not write to them */
        _exit(97);
    }
    return pid;
}

static void show_log(const test_postgres *pg)
{
    char path[96], line[512];
    snprintf(path, sizeof(path), "%s/log", pg->folder);
    FILE *file = fopen(path, "r");
    while (file && fgets(line, sizeof(line), file))
        fputs(line, stderr);
    if (file)
        fclose(file);
}

static void run(const test_postgres *pg, const char *program, const char *const *arguments)
{
    int status = 0;
    pid_t pid = spawn(pg, program, arguments);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {}
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        show_log(pg);
        die(pg, program);
    }
}

static void signal_backends(const test_postgres *pg, int signal_number)
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)pg->pid, (int)pg->pid);
    FILE *file = fopen(path, "r");
    if (!file)
        die(pg, path);
    for (int child; fscanf(file, "%d", &child) == 1;)
        kill(child, signal_number);
    fclose(file);
}

static void end_process(test_postgres *pg)
{
    if (pg->pid <= 0)
        return;
    test_postgres_resume(pg);
    kill(pg->pid, SIGQUIT);
    while (waitpid(pg->pid, NULL, 0) < 0 && errno == EINTR) {}
    pg->pid = 0;
}

static void remove_folder(const test_postgres *pg)
{
    pid_t pid = fork();
    if (pid == 0) {
        execlp("rm", "rm", "-rf", "--", pg->folder, (char *)NULL);
        _exit(97);
    }
    while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR) {}
}

static void end_all(void)
{
    if (getpid() != owner)
        return;
    for (test_postgres *pg = servers; pg; pg = pg->next) {
        end_process(pg);
        remove_folder(pg);
    }
}

/* ---- starting ----------------------------------------------------------------------------- */

static bool answers(const test_postgres *pg)
{
    PGconn *c = PQconnectdb(pg->url);
    bool ok = PQstatus(c) == CONNECTION_OK;
    PQfinish(c);
    return ok;
}

static void launch(test_postgres *pg)
{
    char data[80];
    snprintf(data, sizeof(data), "%s/data", pg->folder);
    const char *arguments[] = {"postgres",
                               "-D",
                               data,
                               "-k",
                               pg->folder,
                               "-N",
                               pg->max_connections,
                               "-F", /* no fsync */
                               "-clisten_addresses=",
                               "-cfull_page_writes=off",
                               "-cshared_buffers=16MB",
                               "-csuperuser_reserved_connections=2",
                               "-cautovacuum=off",
                               NULL};
    pg->pid = spawn(pg, "postgres", arguments);
    for (int tries = 0; tries < 2000; tries++) {
        if (answers(pg))
            return;
        if (waitpid(pg->pid, NULL, WNOHANG) == pg->pid) {
            pg->pid = 0;
            show_log(pg);
            die(pg, "the server ended at once");
        }
        pause_ms(10);
    }
    die(pg, "the server does not answer");
}

static void make_folder(test_postgres *pg)
{
    snprintf(pg->folder, sizeof(pg->folder), "/tmp/perfopt-pg-XXXXXX");
    if (!mkdtemp(pg->folder))
        die(pg, "mkdtemp");
    const struct passwd *user = geteuid() == 0 ? getpwnam("postgres") : NULL;
    if (geteuid() == 0 && (!user || chown(pg->folder, user->pw_uid, user->pw_gid) != 0))
        die(pg, "no user postgres (is the package postgresql installed?)");
}

static void write_access_rules(const test_postgres *pg)
{
    char path[96];
    snprintf(path, sizeof(path), "%s/data/pg_hba.conf", pg->folder);
    FILE *file = fopen(path, "w");
    if (!file)
        die(pg, path);
    fputs("local all postgres trust\nlocal all all scram-sha-256\n", file);
    fclose(file);
}

test_postgres *test_postgres_start(const test_postgres_options *options)
{
    static const test_postgres_options defaults;
    if (!options)
        options = &defaults;
    if (!servers) {
        owner = getpid();
        atexit(end_all);
    }
    test_postgres *pg = calloc(1, sizeof(*pg));
    if (!pg)
        die(NULL, "out of memory");
    make_folder(pg);
    snprintf(pg->url, sizeof(pg->url), "postgresql:///postgres?host=%s&user=postgres", pg->folder);
    snprintf(pg->socket, sizeof(pg->socket), "%s/.s.PGSQL.5432", pg->folder);
    snprintf(pg->max_connections, sizeof(pg->max_connections), "%u",
             options->max_connections ? options->max_connections : 100);
    pg->next = servers;
    servers = pg;
    char data[80];
    snprintf(data, sizeof(data), "%s/data", pg->folder);
    const char *arguments[] = {"initdb", "-D",    data,         "-N",
                               "-A",     "trust", "-U",         "postgres",
                               "-E",     "UTF8",  "--locale=C", "--no-instructions",
                               NULL};
    run(pg, "initdb", arguments);
    write_access_rules(pg);
    launch(pg);
    return pg;
}

void test_postgres_destroy(test_postgres *pg)
{
    if (!pg)
        return;
    test_postgres **link = &servers;
    while (*link && *link != pg)
        link = &(*link)->next;
    if (*link)
        *link = pg->next;
    end_process(pg);
    remove_folder(pg);
    free(pg->reply);
    free(pg);
}

/* ---- steering ----------------------------------------------------------------------------- */

const char *test_postgres_url(const test_postgres *pg)
{
    return pg->url;
}

const char *test_postgres_host(const test_postgres *pg)
{
    return pg->folder;
}

const char *test_postgres_socket(const test_postgres *pg)
{
    return pg->socket;
}

void test_postgres_stop(test_postgres *pg)
{
    end_process(pg);
}

void test_postgres_restart(test_postgres *pg)
{
    end_process(pg);
    launch(pg);
}

void test_postgres_pause(test_postgres *pg)
{
    kill(pg->pid, SIGSTOP); /* first, so that no backend is added meanwhile */
    signal_backends(pg, SIGSTOP);
}

void test_postgres_resume(test_postgres *pg)
{
    signal_backends(pg, SIGCONT);
    kill(pg->pid, SIGCONT);
}

static void ignore_notice(void *user, const PGresult *result)
{
    (void)user;
    (void)result;
}

const char *test_postgres_sql(test_postgres *pg, const char *sql)
{
    PGconn *c = PQconnectdb(pg->url);
    PQsetNoticeReceiver(c, ignore_notice, NULL);
    PGresult *result = PQexec(c, sql);
    ExecStatusType status = PQresultStatus(result);
    if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK) {
        fprintf(stderr, "%s\n%s", sql, PQerrorMessage(c));
        die(pg, "SQL failed");
    }
    free(pg->reply);
    pg->reply = strdup(PQntuples(result) > 0 ? PQgetvalue(result, 0, 0) : "");
    PQclear(result);
    PQfinish(c);
    return pg->reply;
}
