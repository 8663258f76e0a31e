/*
 * html.h - between the files of the HTML filters.
 */
#ifndef PERFOPT_SRC_SSR_HTML_H
#define PERFOPT_SRC_SSR_HTML_H

#include "ssr/runtime.h"

bool perfopt__ssr_filter_urlize(perfopt_call *call, perfopt_value *args, perfopt_value *out);

#endif
