/*
 * news.h - what the site's files share: its options, the routes with the library (site.c, edit.c),
 * and the same pages without it (baseline.c).
 */
#ifndef NEWS_H
#define NEWS_H

#include <perfopt/perfopt.h>

typedef struct news_options {
    const char *database_url;
    const char *static_root;
    const char *template_root;
    const char *editor; /* user and password of the edit form, as for the dashboards */
    const char *password;
    unsigned port;
    unsigned threads;
    bool baseline;
    bool prepare_only; /* build assets and images, then exit */
} news_options;

/* Reads the command line; exits after --help or a wrong argument. */
void news_options_read(int argc, char **argv, news_options *options);

/* Adds home, category, article, author and search. */
perfopt_status news_add_pages(perfopt_router *router, perfopt_error *err);
/* Adds the edit form; `options` must stay valid. */
perfopt_status news_add_edit(perfopt_router *router, const news_options *options,
                             perfopt_error *err);

/* Columns of an article in a list; the templates read them by these names. */
#define NEWS_ARTICLE_COLUMNS                                                                \
    "a.id, a.slug, a.title, a.summary, a.image, a.author_id, a.category_id, a.read_count, " \
    "to_char(a.published_at, 'FMDD FMMonth YYYY') AS published"
/* The same and what only the article's own page shows. */
#define NEWS_STORY_COLUMNS                                                                       \
    NEWS_ARTICLE_COLUMNS                                                                         \
    ", a.body, a.homepage, to_char(a.published_at AT TIME ZONE 'UTC', "                          \
    "'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"') AS "                                                      \
    "published_iso, to_char(a.updated_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"') " \
    "AS updated_iso"

enum { NEWS_PAGE_SIZE = 24, NEWS_HOME_ARTICLES = 7, NEWS_MOST_READ = 5 };

/* Runs the site without the library's caching until a signal comes. */
int news_baseline_run(const news_options *options);

#endif
