/*
 * site.c - the pages, with the library: each handler reads top-down, says what is cached and for
 * how long, and tags its page with the articles it shows, so that a save drops just those pages.
 */
#include "news.h"

#include <stdio.h>
#include <string.h>

/* ---- queries ------------------------------------------------------------------------------ */

PERFOPT_CACHE_NEWS_QUERIES(latest_articles, PERFOPT_ARGS((int, limit)),
                           "SELECT " NEWS_ARTICLE_COLUMNS " FROM articles a WHERE a.is_visible "
                           "ORDER BY a.published_at DESC, a.id DESC LIMIT $1",
                           .key_prefix = "news", .invalidate_on = "article-saved")

PERFOPT_CACHE_NEWS_QUERIES(most_read_articles, PERFOPT_ARGS((int, limit)),
                           "SELECT a.slug, a.title, a.id, a.read_count FROM articles a "
                           "WHERE a.is_visible ORDER BY a.read_count DESC, a.id LIMIT $1",
                           .key_prefix = "news", .invalidate_on = "article-saved")

PERFOPT_CACHE_QUERY_RESULT(all_categories, PERFOPT_NO_ARGS,
                           "SELECT c.id, c.slug, c.name, count(*) AS articles FROM categories c "
                           "JOIN articles a ON a.category_id = c.id AND a.is_visible "
                           "GROUP BY c.id ORDER BY count(*) DESC, c.id",
                           .timeout_name = "categories", .key_prefix = "categories")

PERFOPT_CACHE_NEWS_QUERIES(articles_of_category,
                           PERFOPT_ARGS((int64_t, category), (int64_t, offset)),
                           "SELECT " NEWS_ARTICLE_COLUMNS " FROM articles a WHERE a.is_visible "
                           "AND a.category_id = $1 ORDER BY a.published_at DESC, a.id DESC "
                           "LIMIT 24 OFFSET $2",
                           .key_prefix = "news", .invalidate_on = "article-saved")

PERFOPT_CACHE_NEWS_QUERIES(articles_of_author, PERFOPT_ARGS((int64_t, author), (int64_t, offset)),
                           "SELECT " NEWS_ARTICLE_COLUMNS " FROM articles a WHERE a.is_visible "
                           "AND a.author_id = $1 ORDER BY a.published_at DESC, a.id DESC "
                           "LIMIT 24 OFFSET $2",
                           .key_prefix = "news", .invalidate_on = "article-saved")

PERFOPT_CACHE_USER_QUERIES(author_by_id, PERFOPT_ARGS((int64_t, id)),
                           "SELECT id, name FROM authors WHERE id = $1", .key_prefix = "author")

PERFOPT_CACHE_NEWS_QUERIES(search_articles, PERFOPT_ARGS((const char *, words), (int64_t, offset)),
                           "SELECT " NEWS_ARTICLE_COLUMNS " FROM articles a WHERE a.is_visible "
                           "AND to_tsvector('english', a.title || ' ' || a.slug) @@ "
                           "websearch_to_tsquery('english', $1) "
                           "ORDER BY a.read_count DESC, a.id LIMIT 24 OFFSET $2",
                           .key_prefix = "search", .invalidate_on = "article-saved")

PERFOPT_CACHE_QUERY_RESULT(article_by_slug, PERFOPT_ARGS((const char *, slug)),
                           "SELECT " NEWS_STORY_COLUMNS " FROM articles a WHERE a.is_visible "
                           "AND a.slug = $1",
                           .timeout_name = "news_detail", .key_prefix = "news",
                           .invalidate_on = "article-saved")

PERFOPT_CACHE_NEWS_QUERIES(related_articles, PERFOPT_ARGS((int64_t, article)),
                           "SELECT " NEWS_ARTICLE_COLUMNS " FROM related_articles r "
                           "JOIN articles a ON a.id = r.related_id AND a.is_visible "
                           "WHERE r.article_id = $1 ORDER BY a.read_count DESC, a.id LIMIT 8",
                           .key_prefix = "news", .invalidate_on = "article-saved")

PERFOPT_CACHE_AGGREGATION_RESULT(article_count, PERFOPT_NO_ARGS,
                                 "SELECT count(*) FROM articles WHERE is_visible",
                                 .key_prefix = "counts")
PERFOPT_CACHE_AGGREGATION_RESULT(author_count, PERFOPT_NO_ARGS, "SELECT count(*) FROM authors",
                                 .key_prefix = "counts")

/* ---- shared steps ------------------------------------------------------------------------- */

/*
 * Gives the articles of a list their author and category: one statement for all authors, and the
 * cached list of categories. The page is tagged with every article it shows.
 */
static perfopt_status complete(perfopt_request *req, perfopt_response *res, perfopt_rows *articles,
                               perfopt_error *err)
{
    perfopt_rows *categories = all_categories(req, err);
    if (!categories)
        return err->status;
    perfopt_status status =
        perfopt_rows_attach(articles, "category_id", categories, "id", "category", false, err);
    if (status == PERFOPT_OK)
        status = perfopt_db_eager_load(
            perfopt_db_of(perfopt_request_owner(req)), articles, "author_id",
            "SELECT id, name FROM authors WHERE id = ANY($1)", "id", "author", false, err);
    size_t id_column = perfopt_rows_column(articles, "id");
    for (size_t i = 0; status == PERFOPT_OK && i < perfopt_rows_count(articles); i++) {
        char tag[64];
        snprintf(tag, sizeof(tag), "article:%s", perfopt_rows_text(articles, i, id_column, NULL));
        status = perfopt_response_add_tags(res, tag);
    }
    return status;
}

/* The page number of a list, from 1 to 1000. */
static int64_t page_of(perfopt_request *req)
{
    int64_t page = perfopt_request_arg_int(req, "page", 1);
    return page < 1 ? 1 : page > 1000 ? 1000 : page;
}

static perfopt_status render_list(perfopt_request *req, perfopt_response *res,
                                  perfopt_rows *articles, const char *heading, const char *query,
                                  perfopt_error *err)
{
    perfopt_status status = complete(req, res, articles, err);
    if (status != PERFOPT_OK)
        return status;
    return perfopt_render(req, res, "list.html",
                          PERFOPT_CONTEXT({"articles", perfopt_rows_value(articles)},
                                          {"heading", perfopt_string(heading)},
                                          {"query", perfopt_string(query ? query : "")},
                                          {"page", perfopt_int(page_of(req))},
                                          {"page_size", perfopt_int(NEWS_PAGE_SIZE)},
                                          {"route", perfopt_string(perfopt_request_route(req))}),
                          err);
}

/* ---- handlers ----------------------------------------------------------------------------- */

PERFOPT_HANDLER(home, PERFOPT_MONITOR_PERFORMANCE(.slow_ms = 500),
                PERFOPT_TRACK_DATABASE_QUERIES(.max = 6),
                PERFOPT_CACHE_WITH_ARGS(.timeout_name = "news_list", .key_prefix = "home",
                                        .args = ""))
{
    perfopt_error err = PERFOPT_ERROR_INIT;
    perfopt_rows *latest = latest_articles(req, NEWS_HOME_ARTICLES, &err);
    perfopt_rows *most_read = latest ? most_read_articles(req, NEWS_MOST_READ, &err) : NULL;
    perfopt_rows *categories = most_read ? all_categories(req, &err) : NULL;
    if (!categories)
        return err.status;
    perfopt_value articles = article_count(req, &err);
    perfopt_value authors = author_count(req, &err);
    perfopt_status status = complete(req, res, latest, &err);
    if (status != PERFOPT_OK)
        return status;
    return perfopt_render(req, res, "home.html",
                          PERFOPT_CONTEXT({"latest", perfopt_rows_value(latest)},
                                          {"most_read", perfopt_rows_value(most_read)},
                                          {"categories", perfopt_rows_value(categories)},
                                          {"article_count", articles}, {"author_count", authors},
                                          {"route", perfopt_string("/")}),
                          &err);
}

PERFOPT_HANDLER(category, PERFOPT_MONITOR_PERFORMANCE(.slow_ms = 500),
                PERFOPT_TRACK_DATABASE_QUERIES(.max = 6),
                PERFOPT_CACHE_WITH_ARGS(.timeout_name = "news_list", .key_prefix = "category",
                                        .args = "page"))
{
    perfopt_error err = PERFOPT_ERROR_INIT;
    perfopt_rows *categories = all_categories(req, &err);
    if (!categories)
        return err.status;
    const char *slug = perfopt_request_param(req, "slug");
    size_t slug_column = perfopt_rows_column(categories, "slug");
    for (size_t i = 0; i < perfopt_rows_count(categories); i++) {
        if (strcmp(perfopt_rows_text(categories, i, slug_column, NULL), slug) != 0)
            continue;
        int64_t id = 0;
        perfopt_rows_int(categories, i, perfopt_rows_column(categories, "id"), &id);
        perfopt_rows *articles =
            articles_of_category(req, id, (page_of(req) - 1) * NEWS_PAGE_SIZE, &err);
        if (!articles)
            return err.status;
        size_t name_column = perfopt_rows_column(categories, "name");
        return render_list(req, res, articles, perfopt_rows_text(categories, i, name_column, NULL),
                           NULL, &err);
    }
    return PERFOPT_ENOTFOUND;
}

PERFOPT_HANDLER(author, PERFOPT_MONITOR_PERFORMANCE(.slow_ms = 500),
                PERFOPT_TRACK_DATABASE_QUERIES(.max = 6),
                PERFOPT_CACHE_WITH_ARGS(.timeout_name = "news_list", .key_prefix = "author",
                                        .args = "page"))
{
    perfopt_error err = PERFOPT_ERROR_INIT;
    int64_t id;
    if (!perfopt_request_param_int(req, "id", &id))
        return PERFOPT_ENOTFOUND;
    perfopt_rows *author_row = author_by_id(req, id, &err);
    if (!author_row)
        return err.status;
    if (perfopt_rows_count(author_row) == 0)
        return PERFOPT_ENOTFOUND;
    perfopt_rows *articles = articles_of_author(req, id, (page_of(req) - 1) * NEWS_PAGE_SIZE, &err);
    if (!articles)
        return err.status;
    const char *name =
        perfopt_rows_text(author_row, 0, perfopt_rows_column(author_row, "name"), NULL);
    return render_list(req, res, articles, name, NULL, &err);
}

PERFOPT_HANDLER(article, PERFOPT_MONITOR_PERFORMANCE(.slow_ms = 500),
                PERFOPT_TRACK_DATABASE_QUERIES(.max = 6),
                PERFOPT_CACHE_WITH_ARGS(.timeout_name = "news_detail", .key_prefix = "article",
                                        .args = ""))
{
    perfopt_error err = PERFOPT_ERROR_INIT;
    perfopt_rows *story = article_by_slug(req, perfopt_request_param(req, "slug"), &err);
    if (!story)
        return err.status;
    if (perfopt_rows_count(story) == 0)
        return PERFOPT_ENOTFOUND;
    int64_t id = 0;
    perfopt_rows_int(story, 0, perfopt_rows_column(story, "id"), &id);
    perfopt_rows *related = related_articles(req, id, &err);
    if (!related)
        return err.status;
    perfopt_status status = complete(req, res, story, &err);
    if (status == PERFOPT_OK)
        status = complete(req, res, related, &err);
    if (status != PERFOPT_OK)
        return status;
    return perfopt_render(req, res, "article.html",
                          PERFOPT_CONTEXT({"article", perfopt_rows_row(story, 0)},
                                          {"related", perfopt_rows_value(related)},
                                          {"route", perfopt_string("/article/{slug}")}),
                          &err);
}

PERFOPT_HANDLER(search, PERFOPT_MONITOR_PERFORMANCE(.slow_ms = 500),
                PERFOPT_TRACK_DATABASE_QUERIES(.max = 6),
                PERFOPT_CACHE_WITH_ARGS(.timeout_s = 60, .key_prefix = "search", .args = "q,page"))
{
    perfopt_error err = PERFOPT_ERROR_INIT;
    const char *words = perfopt_request_arg(req, "q");
    if (!words || !*words)
        return perfopt_response_redirect(res, 303, "/");
    if (strlen(words) > 200)
        return PERFOPT_ENOTFOUND;
    perfopt_rows *articles = search_articles(req, words, (page_of(req) - 1) * NEWS_PAGE_SIZE, &err);
    if (!articles)
        return err.status;
    const char *heading = perfopt_arena_printf(perfopt_request_arena(req), "Search: %s", words);
    return heading ? render_list(req, res, articles, heading, words, &err) : PERFOPT_ENOMEM;
}

perfopt_status news_add_pages(perfopt_router *router, perfopt_error *err)
{
    const struct {
        const char *path;
        const perfopt_handler_def *def;
    } pages[] = {{"/", &home},
                 {"/category/{slug}", &category},
                 {"/author/{id}", &author},
                 {"/article/{slug}", &article},
                 {"/search", &search}};
    for (size_t i = 0; i < sizeof(pages) / sizeof(pages[0]); i++) {
        perfopt_status status =
            perfopt_router_add(router, "GET", pages[i].path, pages[i].def, NULL, err);
        if (status != PERFOPT_OK)
            return status;
    }
    return PERFOPT_OK;
}
