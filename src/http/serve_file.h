/*
 * serve_file.h - answering a request with a file, for the asset prefix and for whoever else serves
 * files below a path of its own.
 */
#ifndef PERFOPT_SRC_HTTP_SERVE_FILE_H
#define PERFOPT_SRC_HTTP_SERVE_FILE_H

#include <perfopt/http.h>

/* Has the file: perfopt_assets_serve() and what answers like it. */
typedef perfopt_status (*perfopt__file_source_fn)(void *user, const perfopt_asset_request *request,
                                                  perfopt_asset_response *out);

/* Fills the response with what `source` answers for `path` (decoded, below the source's prefix); a
 * file that is not there gives the 404 page. PERFOPT_OK, PERFOPT_ENOMEM, or what the source
 * returned. */
perfopt_status perfopt__serve_file(perfopt_request *req, perfopt_response *res, const char *path,
                                   perfopt__file_source_fn source, void *user);

#endif
