/*
 * tags.h - writing markup.
 */
#ifndef PERFOPT_SRC_FRONTEND_TAGS_H
#define PERFOPT_SRC_FRONTEND_TAGS_H

#include "base/strbuf.h"

/* ' name="value"' with the value escaped. */
void perfopt__put_attribute(perfopt__strbuf *out, const char *name, const char *value);

#endif
