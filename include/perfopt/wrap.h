/*
 * wrap.h - the decorator macros: sugar over perfopt_wrap(), perfopt_router_add() and the query
 * cache. Nothing here hides a return or a jump; each macro shows what it expands to. C only.
 */
#ifndef PERFOPT_WRAP_H
#define PERFOPT_WRAP_H

#include <perfopt/http.h>

#ifndef __cplusplus

/* ---- handlers ----------------------------------------------------------------------------- */

/*
 * PERFOPT_HANDLER(home, PERFOPT_MONITOR_PERFORMANCE(.slow_ms = 500),
 *                 PERFOPT_CACHE_WITH_ARGS(.timeout_s = 300, .tags = "news"))
 * {
 *     ... use req, res, user; return a perfopt_status ...
 * }
 *
 * expands to
 *
 *     static perfopt_status home_impl_(perfopt_request *req, perfopt_response *res, void *user);
 *     static const perfopt_wrapper home_wrappers_[] = { {PERFOPT_WRAP_MONITOR, ...}, ..., {0} };
 *     static const perfopt_handler_def home = {"home", home_impl_, home_wrappers_};
 *     static perfopt_status home_impl_(perfopt_request *req, perfopt_response *res, void *user)
 *
 * and is used as perfopt_router_add(router, "GET", "/", &home, NULL, &err). At least one wrapper is
 * needed; PERFOPT_PLAIN() is one that does nothing.
 */
#define PERFOPT_HANDLER(name, ...)                                                               \
    static perfopt_status name##_impl_(perfopt_request *req, perfopt_response *res, void *user); \
    static const perfopt_wrapper name##_wrappers_[] = {__VA_ARGS__, {.kind = PERFOPT_WRAP_END}}; \
    static const perfopt_handler_def name = {#name, name##_impl_, name##_wrappers_};             \
    static perfopt_status name##_impl_(perfopt_request *req PERFOPT_UNUSED,                      \
                                       perfopt_response *res PERFOPT_UNUSED,                     \
                                       void *user PERFOPT_UNUSED)

/* Fields: perfopt_monitor_wrapper, perfopt_track_wrapper, perfopt_cache_wrapper,
 * perfopt_rendering_wrapper. A misspelled field is an error at the caller's line. */
#define PERFOPT_MONITOR_PERFORMANCE(...)                            \
    {                                                               \
        .kind = PERFOPT_WRAP_MONITOR, .as.monitor = { __VA_ARGS__ } \
    }
#define PERFOPT_TRACK_DATABASE_QUERIES(...)                             \
    {                                                                   \
        .kind = PERFOPT_WRAP_TRACK_QUERIES, .as.track = { __VA_ARGS__ } \
    }
#define PERFOPT_CACHE_WITH_ARGS(...)                            \
    {                                                           \
        .kind = PERFOPT_WRAP_CACHE, .as.cache = { __VA_ARGS__ } \
    }
#define PERFOPT_OPTIMIZE_RENDERING(...)                                 \
    {                                                                   \
        .kind = PERFOPT_WRAP_RENDERING, .as.rendering = { __VA_ARGS__ } \
    }
#define PERFOPT_PLAIN()                                             \
    {                                                               \
        .kind = PERFOPT_WRAP_MONITOR, .as.monitor = {.slow_ms = 0 } \
    }

/* ---- queries ------------------------------------------------------------------------------ */

/*
 * PERFOPT_CACHE_QUERY_RESULT(get_latest_news, PERFOPT_ARGS((int, limit)),
 *     "SELECT id, title FROM news WHERE is_visible ORDER BY created_at DESC LIMIT $1",
 *     .timeout_s = 300, .key_prefix = "news", .tags = "news")
 *
 * expands to
 *
 *     static const perfopt_query_spec get_latest_news_query = {sizeof(perfopt_query_spec), ...};
 *     static perfopt_rows *get_latest_news(perfopt_request *req, int limit, perfopt_error *err)
 *     {
 *         const perfopt_param params_[] = {perfopt_param_null(), PERFOPT_PARAM(limit)};
 *         return perfopt_request_cached_query(req, &get_latest_news_query, params_ + 1, 1, err);
 *     }
 *
 * The rows belong to the request. Without arguments write PERFOPT_NO_ARGS. Up to eight arguments of
 * the types PERFOPT_PARAM() knows. Key, invalidate, refresh and bypass take &get_latest_news_query
 * (query_cache.h). Fields: perfopt_query_spec; at least one.
 */
#define PERFOPT_CACHE_QUERY_RESULT(name, args, statement, ...) \
    PERFOPT_CACHED_QUERY_(name, args, statement, 0, NULL, __VA_ARGS__)
/* As above with the lifetimes and groups of the news site's query families. */
#define PERFOPT_CACHE_NEWS_QUERIES(name, args, statement, ...) \
    PERFOPT_CACHED_QUERY_(name, args, statement, PERFOPT_TIMEOUT_NEWS_LIST, "news", __VA_ARGS__)
#define PERFOPT_CACHE_USER_QUERIES(name, args, statement, ...) \
    PERFOPT_CACHED_QUERY_(name, args, statement, PERFOPT_TIMEOUT_USER_DATA, "user", __VA_ARGS__)
#define PERFOPT_CACHE_ANALYTICS_QUERIES(name, args, statement, ...)                      \
    PERFOPT_CACHED_QUERY_(name, args, statement, PERFOPT_TIMEOUT_ANALYTICS, "analytics", \
                          __VA_ARGS__)
/*
 * As PERFOPT_CACHE_QUERY_RESULT(), for one number: the function returns the first cell of the first
 * row as a perfopt_value (none if there is no row), undefined on failure with err filled.
 */
#define PERFOPT_CACHE_AGGREGATION_RESULT(name, args, statement, ...)                            \
    PERFOPT_QUERY_SPEC_(name, statement, 600, "aggregation", __VA_ARGS__);                      \
    PERFOPT_UNUSED static perfopt_value name(perfopt_request *req PERFOPT_DECLARE_##args,       \
                                             perfopt_error *err)                                \
    {                                                                                           \
        const perfopt_param params_[] = {perfopt_param_null() PERFOPT_BIND_##args};             \
        return perfopt_request_cached_aggregate(req, &name##_query, params_ + 1,                \
                                                sizeof(params_) / sizeof(params_[0]) - 1, err); \
    }

#define PERFOPT_CACHED_QUERY_(name, args, statement, seconds, group, ...)                   \
    PERFOPT_QUERY_SPEC_(name, statement, seconds, group, __VA_ARGS__);                      \
    PERFOPT_UNUSED static perfopt_rows *name(perfopt_request *req PERFOPT_DECLARE_##args,   \
                                             perfopt_error *err)                            \
    {                                                                                       \
        const perfopt_param params_[] = {perfopt_param_null() PERFOPT_BIND_##args};         \
        return perfopt_request_cached_query(req, &name##_query, params_ + 1,                \
                                            sizeof(params_) / sizeof(params_[0]) - 1, err); \
    }

#define PERFOPT_QUERY_SPEC_(name_, statement_, seconds_, family_, ...) \
    PERFOPT_UNUSED static const perfopt_query_spec name_##_query = {   \
        .struct_size = sizeof(perfopt_query_spec),                     \
        .name = #name_,                                                \
        .sql = statement_,                                             \
        .default_timeout_s_ = seconds_,                                \
        .group_ = family_,                                             \
        __VA_ARGS__}

/* (type, name) pairs to ", type name" and ", PERFOPT_PARAM(name)". The argument is pasted to a
 * prefix, so PERFOPT_ARGS itself is never expanded. */
#define PERFOPT_DECLARE_PERFOPT_NO_ARGS
#define PERFOPT_BIND_PERFOPT_NO_ARGS
#define PERFOPT_DECLARE_PERFOPT_ARGS(...) PERFOPT_EACH_(PERFOPT_DECLARE_ONE_, __VA_ARGS__)
#define PERFOPT_BIND_PERFOPT_ARGS(...)    PERFOPT_EACH_(PERFOPT_BIND_ONE_, __VA_ARGS__)
#define PERFOPT_DECLARE_ONE_(pair)        PERFOPT_DECLARE_PAIR_ pair
#define PERFOPT_DECLARE_PAIR_(type, name) , type name
#define PERFOPT_BIND_ONE_(pair)           PERFOPT_BIND_PAIR_ pair
#define PERFOPT_BIND_PAIR_(type, name)    , PERFOPT_PARAM(name)

#define PERFOPT_EACH_(f, ...)                                                                      \
    PERFOPT_PICK_(__VA_ARGS__, PERFOPT_EACH_8_, PERFOPT_EACH_7_, PERFOPT_EACH_6_, PERFOPT_EACH_5_, \
                  PERFOPT_EACH_4_, PERFOPT_EACH_3_, PERFOPT_EACH_2_, PERFOPT_EACH_1_, 0)           \
    (f, __VA_ARGS__)
#define PERFOPT_PICK_(a, b, c, d, e, f, g, h, pick, ...) pick
#define PERFOPT_EACH_1_(f, a)                            f(a)
#define PERFOPT_EACH_2_(f, a, ...)                       f(a) PERFOPT_EACH_1_(f, __VA_ARGS__)
#define PERFOPT_EACH_3_(f, a, ...)                       f(a) PERFOPT_EACH_2_(f, __VA_ARGS__)
#define PERFOPT_EACH_4_(f, a, ...)                       f(a) PERFOPT_EACH_3_(f, __VA_ARGS__)
#define PERFOPT_EACH_5_(f, a, ...)                       f(a) PERFOPT_EACH_4_(f, __VA_ARGS__)
#define PERFOPT_EACH_6_(f, a, ...)                       f(a) PERFOPT_EACH_5_(f, __VA_ARGS__)
#define PERFOPT_EACH_7_(f, a, ...)                       f(a) PERFOPT_EACH_6_(f, __VA_ARGS__)
#define PERFOPT_EACH_8_(f, a, ...)                       f(a) PERFOPT_EACH_7_(f, __VA_ARGS__)

#endif /* __cplusplus */

#endif
