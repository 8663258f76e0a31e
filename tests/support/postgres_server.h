/*
 * postgres_server.h - a private PostgreSQL for tests: in a folder of its own, on a unix socket,
 * never a system service. What cannot be done ends the test program with a message.
 *
 *     test_postgres *pg = test_postgres_start(NULL);
 *     ... test_postgres_url(pg) ...
 *     test_postgres_destroy(pg);
 *
 * The role postgres needs no password; every other role logs in with scram-sha-256.
 */
#ifndef PERFOPT_TESTS_POSTGRES_SERVER_H
#define PERFOPT_TESTS_POSTGRES_SERVER_H

#include <stdbool.h>
#include <stdint.h>

typedef struct test_postgres test_postgres;

typedef struct test_postgres_options {
    unsigned max_connections; /* 0 = 100 */
} test_postgres_options;

/* Initialises a data folder (about a second), starts the server and waits until it answers. NULL
 * options = all defaults. */
test_postgres *test_postgres_start(const test_postgres_options *options);
/* Ends the server (immediate shutdown, by pid) and removes its folder. NULL is allowed. */
void test_postgres_destroy(test_postgres *pg);

/* postgresql:// URL of the database postgres for the role postgres. */
const char *test_postgres_url(const test_postgres *pg);
/* The folder of the socket: host in a connection string. */
const char *test_postgres_host(const test_postgres *pg);
/* The socket itself, for a proxy. */
const char *test_postgres_socket(const test_postgres *pg);

/* Immediate shutdown: connections break, the socket refuses until test_postgres_restart(). */
void test_postgres_stop(test_postgres *pg);
/* Starts it again with its data; stops it first if it runs. */
void test_postgres_restart(test_postgres *pg);
/* SIGSTOP and SIGCONT for the server and all its backends: connections stay open. */
void test_postgres_pause(test_postgres *pg);
void test_postgres_resume(test_postgres *pg);

/* Runs SQL (several statements are fine) as postgres on a connection of its own. The first cell of
 * the last result, "" if there is none; belongs to `pg` until the next call. */
const char *test_postgres_sql(test_postgres *pg, const char *sql);

#endif
