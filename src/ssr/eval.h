/*
 * eval.h - the functions that run expression nodes; the compiler puts them into the nodes.
 */
#ifndef PERFOPT_SRC_SSR_EVAL_H
#define PERFOPT_SRC_SSR_EVAL_H

#include "ssr/runtime.h"

bool perfopt__ssr_eval_constant(ssr_runtime *rt, const ssr_expr *e, perfopt_value *out);
bool perfopt__ssr_eval_local(ssr_runtime *rt, const ssr_expr *e, perfopt_value *out);
bool perfopt__ssr_eval_outer(ssr_runtime *rt, const ssr_expr *e, perfopt_value *out);
bool perfopt__ssr_eval_captured(ssr_runtime *rt, const ssr_expr *e, perfopt_value *out);
bool perfopt__ssr_eval_tuple(ssr_runtime *rt, const ssr_expr *e, perfopt_value *out);
bool perfopt__ssr_eval_list(ssr_runtime *rt, const ssr_expr *e, perfopt_value *out);
bool perfopt__ssr_eval_dict(ssr_runtime *rt, const ssr_expr *e, perfopt_value *out);
bool perfopt__ssr_eval_concat(ssr_runtime *rt, const ssr_expr *e, perfopt_value *out);
bool perfopt__ssr_eval_condition(ssr_runtime *rt, const ssr_expr *e, perfopt_value *out);
bool perfopt__ssr_eval_and(ssr_runtime *rt, const ssr_expr *e, perfopt_value *out);
bool perfopt__ssr_eval_or(ssr_runtime *rt, const ssr_expr *e, perfopt_value *out);
bool perfopt__ssr_eval_not(ssr_runtime *rt, const ssr_expr *e, perfopt_value *out);
bool perfopt__ssr_eval_negative(ssr_runtime *rt, const ssr_expr *e, perfopt_value *out);
bool perfopt__ssr_eval_positive(ssr_runtime *rt, const ssr_expr *e, perfopt_value *out);
bool perfopt__ssr_eval_binary(ssr_runtime *rt, const ssr_expr *e, perfopt_value *out);
bool perfopt__ssr_eval_compare(ssr_runtime *rt, const ssr_expr *e, perfopt_value *out);
bool perfopt__ssr_eval_getitem(ssr_runtime *rt, const ssr_expr *e, perfopt_value *out);
bool perfopt__ssr_eval_slice(ssr_runtime *rt, const ssr_expr *e, perfopt_value *out);

#endif
