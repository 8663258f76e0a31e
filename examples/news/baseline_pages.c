/*
 * baseline_pages.c - the pages of the baseline: for every article in a list its author and its
 * category are asked for one by one.
 */
#include "baseline.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Adds author and category to an article, with a query for each. */
static perfopt_value complete(baseline_page *page, perfopt_value article)
{
    const struct {
        const char *column;
        const char *name;
        const char *sql;
    } relations[] = {
        {"author_id", "author", "SELECT id, name FROM authors WHERE id = $1"},
        {"category_id", "category", "SELECT id, slug, name FROM categories WHERE id = $1"}};
    for (size_t i = 0; i < 2; i++) {
        const char *column = relations[i].column;
        perfopt_value key = perfopt_value_get(article, column, strlen(column));
        if (key.kind != PERFOPT_STRING)
            continue;
        PGresult *result =
            baseline_query(page, relations[i].sql, 1, (const char *const[]){key.as.string});
        if (result && PQntuples(result) == 1)
            perfopt_map_set(article, relations[i].name, baseline_row(page, result, 0));
    }
    return article;
}

static perfopt_value list_of(baseline_page *page, PGresult *result, bool articles)
{
    perfopt_value list;
    if (perfopt_list_create(page->arena, &list) != PERFOPT_OK || !result)
        return perfopt_none();
    for (int i = 0; i < PQntuples(result); i++) {
        perfopt_value row = baseline_row(page, result, i);
        perfopt_list_append(list, articles ? complete(page, row) : row);
    }
    return list;
}

static perfopt_value number_of(baseline_page *page, const char *sql)
{
    PGresult *result = baseline_query(page, sql, 0, NULL);
    return result && PQntuples(result) == 1 ? perfopt_string(PQgetvalue(result, 0, 0))
                                            : perfopt_none();
}

static bool home(baseline_page *page)
{
    PGresult *latest =
        baseline_query(page,
                       "SELECT " NEWS_ARTICLE_COLUMNS " FROM articles a WHERE a.is_visible "
                       "ORDER BY a.published_at DESC, a.id DESC LIMIT 7",
                       0, NULL);
    PGresult *most_read =
        baseline_query(page,
                       "SELECT a.slug, a.title, a.id, a.read_count FROM articles a "
                       "WHERE a.is_visible ORDER BY a.read_count DESC, a.id LIMIT 5",
                       0, NULL);
    PGresult *categories =
        baseline_query(page,
                       "SELECT c.id, c.slug, c.name, count(*) AS articles FROM categories c "
                       "JOIN articles a ON a.category_id = c.id AND a.is_visible "
                       "GROUP BY c.id ORDER BY count(*) DESC, c.id",
                       0, NULL);
    baseline_render(
        page, "home.html",
        PERFOPT_CONTEXT(
            {"latest", list_of(page, latest, true)}, {"most_read", list_of(page, most_read, false)},
            {"categories", list_of(page, categories, false)},
            {"article_count", number_of(page, "SELECT count(*) FROM articles WHERE is_visible")},
            {"author_count", number_of(page, "SELECT count(*) FROM authors")}));
    return true;
}

typedef struct list_page {
    const char *sql;
    const char *key;
    const char *heading;
    const char *query;
    int64_t number;
} list_page;

static bool list(baseline_page *page, const list_page *what)
{
    char offset[24];
    snprintf(offset, sizeof(offset), "%lld", (long long)(what->number - 1) * NEWS_PAGE_SIZE);
    PGresult *result = baseline_query(page, what->sql, 2, (const char *const[]){what->key, offset});
    baseline_render(page, "list.html",
                    PERFOPT_CONTEXT({"articles", list_of(page, result, true)},
                                    {"heading", perfopt_string(what->heading)},
                                    {"query", perfopt_string(what->query)},
                                    {"page", perfopt_int(what->number)},
                                    {"page_size", perfopt_int(NEWS_PAGE_SIZE)}));
    return true;
}

static bool category(baseline_page *page, const char *slug, int64_t number)
{
    PGresult *result = baseline_query(page, "SELECT id, name FROM categories WHERE slug = $1", 1,
                                      (const char *const[]){slug});
    if (!result || PQntuples(result) != 1)
        return false;
    const list_page what = {"SELECT " NEWS_ARTICLE_COLUMNS " FROM articles a WHERE a.is_visible "
                            "AND a.category_id = $1 ORDER BY a.published_at DESC, a.id DESC "
                            "LIMIT 24 OFFSET $2",
                            PQgetvalue(result, 0, 0), PQgetvalue(result, 0, 1), "", number};
    return list(page, &what);
}

static bool author(baseline_page *page, const char *id, int64_t number)
{
    if (strspn(id, "0123456789") != strlen(id) || strlen(id) == 0 || strlen(id) > 9)
        return false;
    PGresult *result = baseline_query(page, "SELECT id, name FROM authors WHERE id = $1", 1,
                                      (const char *const[]){id});
    if (!result || PQntuples(result) != 1)
        return false;
    const list_page what = {"SELECT " NEWS_ARTICLE_COLUMNS " FROM articles a WHERE a.is_visible "
                            "AND a.author_id = $1 ORDER BY a.published_at DESC, a.id DESC "
                            "LIMIT 24 OFFSET $2",
                            id, PQgetvalue(result, 0, 1), "", number};
    return list(page, &what);
}

static bool search(baseline_page *page, const char *words, int64_t number)
{
    if (!words || !*words || strlen(words) > 200)
        return false;
    const list_page what = {"SELECT " NEWS_ARTICLE_COLUMNS " FROM articles a WHERE a.is_visible "
                            "AND to_tsvector('english', a.title || ' ' || a.slug) @@ "
                            "websearch_to_tsquery('english', $1) "
                            "ORDER BY a.read_count DESC, a.id LIMIT 24 OFFSET $2",
                            words, perfopt_arena_printf(page->arena, "Search: %s", words), words,
                            number};
    return list(page, &what);
}

static bool article(baseline_page *page, const char *slug)
{
    PGresult *story = baseline_query(
        page, "SELECT " NEWS_STORY_COLUMNS " FROM articles a WHERE a.is_visible AND a.slug = $1", 1,
        (const char *const[]){slug});
    if (!story || PQntuples(story) != 1)
        return false;
    PGresult *related =
        baseline_query(page,
                       "SELECT " NEWS_ARTICLE_COLUMNS " FROM related_articles r "
                       "JOIN articles a ON a.id = r.related_id AND a.is_visible "
                       "WHERE r.article_id = $1 ORDER BY a.read_count DESC, a.id LIMIT 8",
                       1, (const char *const[]){PQgetvalue(story, 0, 0)});
    baseline_render(page, "article.html",
                    PERFOPT_CONTEXT({"article", complete(page, baseline_row(page, story, 0))},
                                    {"related", list_of(page, related, true)}));
    return true;
}

bool baseline_answer(baseline_page *page, const char *path,
                     const char *(*arg)(void *request, const char *name), void *request)
{
    const char *number_text = arg(request, "page");
    int64_t number = number_text ? strtoll(number_text, NULL, 10) : 1;
    number = number < 1 ? 1 : number > 1000 ? 1000 : number;
    if (strcmp(path, "/") == 0)
        return home(page);
    if (strncmp(path, "/category/", 10) == 0)
        return category(page, path + 10, number);
    if (strncmp(path, "/author/", 8) == 0)
        return author(page, path + 8, number);
    if (strncmp(path, "/article/", 9) == 0)
        return article(page, path + 9);
    if (strcmp(path, "/search") == 0)
        return search(page, arg(request, "q"), number);
    return false;
}
