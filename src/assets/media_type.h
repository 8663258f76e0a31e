/*
 * media_type.h - what a file name's extension says.
 */
#ifndef PERFOPT_SRC_ASSETS_MEDIA_TYPE_H
#define PERFOPT_SRC_ASSETS_MEDIA_TYPE_H

#include <perfopt/assets.h>

/* The extension with its dot; "" if there is none. A name like ".htaccess" has none. */
const char *perfopt__extension(const char *path);
/* Content-Type to serve; "application/octet-stream" for an unknown extension. */
const char *perfopt__media_type(const char *path);
/* False for formats that are compressed themselves: images, video, fonts, archives. */
bool perfopt__is_compressible(const char *path);

#endif
