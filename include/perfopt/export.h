/*
 * export.h - symbol visibility and compiler attributes of the public headers.
 */
#ifndef PERFOPT_EXPORT_H
#define PERFOPT_EXPORT_H

/* Every public function carries PERFOPT_API; everything else is hidden. */
#if defined(__GNUC__) || defined(__clang__)
#define PERFOPT_API                __attribute__((visibility("default")))
#define PERFOPT_PRINTF(fmt, first) __attribute__((format(printf, fmt, first)))
#define PERFOPT_UNUSED             __attribute__((unused))
#define PERFOPT_NODISCARD          __attribute__((warn_unused_result))
#else
#define PERFOPT_API #define PERFOPT_PRINTF(fmt, first)
#define PERFOPT_UNUSED
#define PERFOPT_NODISCARD
#endif

#ifdef __cplusplus
#define PERFOPT_BEGIN_DECLS extern "C" {
#define PERFOPT_END_DECLS   }
#else
#define PERFOPT_BEGIN_DECLS
#define PERFOPT_END_DECLS
#endif

#endif
