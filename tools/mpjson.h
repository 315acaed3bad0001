/* msgpack (the control socket's subset) to jansson values and back. bin becomes hex text. */
#ifndef TRIS_TOOLS_MPJSON_H
#define TRIS_TOOLS_MPJSON_H

#include <jansson.h>

#include "proto/pack.h"

/* A new reference, or NULL if `bytes` is no single value within the control socket's limits. */
json_t *mpjson_decode(struct span bytes);

/* Writes the value; reals and integers out of range are TRIS_ERR_BAD_TYPE. */
TRIS_MUST_CHECK enum tris_err mpjson_encode(const json_t *value, struct wbuf *w);
/* A payload for people: as JSON, map keys that are numbers included ({"1":"Haus"}); malloc'ed, NULL
 * if it is no value of the canonical subset. */
char *mpjson_text(struct span bytes);

#endif
