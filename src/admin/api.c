/*
 * api.c - the dashboards as JSON, and the state of jobs.
 */
#include "admin/admin_internal.h"

#include <stdio.h>
#include <string.h>

static perfopt_status answer_snapshot(perfopt__visitor *v, perfopt__dashboard which)
{
    size_t window = perfopt__window_find(perfopt_request_arg(v->req, "window"));
    if (window == SIZE_MAX)
        return perfopt__respond_error(v->res, 400, "window",
                                      "The time window is one of 5m, 1h, 8h and 72h.");
    perfopt__snapshot *snapshot;
    perfopt__collect_in in = perfopt__admin_collect(v->admin, &perfopt__windows[window]);
    perfopt_status status =
        perfopt__snapshot_get(&v->admin->snapshots, &in, which, v->now_ms, &snapshot);
    if (status != PERFOPT_OK)
        return status;
    perfopt_bytes *json;
    status = perfopt__snapshot_json(snapshot, &json, NULL);
    if (status == PERFOPT_OK)
        status = perfopt__respond_bytes(v->res, "application/json", json);
    perfopt__snapshot_release(snapshot);
    return status;
}

static perfopt_status answer_job(perfopt__visitor *v, const char *id)
{
    perfopt__build b = {.arena = perfopt_request_arena(v->req)};
    perfopt_value job = perfopt__jobs_get(v->admin->jobs, &b, id);
    if (b.status != PERFOPT_OK)
        return b.status;
    if (job.kind == PERFOPT_UNDEFINED)
        return perfopt__respond_error(v->res, 404, "job", "There is no such job.");
    return perfopt_response_json(v->res, 200, job, NULL);
}

static perfopt_status answer_read(perfopt__visitor *v, const char *rest)
{
    if (strncmp(rest, "jobs/", 5) == 0)
        return answer_job(v, rest + 5);
    for (int d = 0; d < PERFOPT__DASHBOARDS; d++) {
        if (strcmp(rest, perfopt__dashboard_names[d]) == 0)
            return answer_snapshot(v, d);
    }
    return perfopt__respond_error(v->res, 404, "path", "The API has no such address.");
}

perfopt_status perfopt__api_answer(perfopt__visitor *v, const char *rest)
{
    if (strncmp(rest, "actions/", 8) == 0)
        return perfopt__action_answer(v, rest + 8);
    if (perfopt__is_read(v->req))
        return answer_read(v, rest);
    perfopt_response_set_header(v->res, "Allow", "GET, HEAD");
    return perfopt__respond_error(v->res, 405, "method", "This address answers GET only.");
}
