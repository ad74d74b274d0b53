#pragma once
/*
 * entity_tag — the version of a resource as HTTP's ETag, and what If-Match says about it (RFC 9110 §8.8.3 and §13.1.1). Tags are
 * compared strongly: a weak one never matches.
 */
#include "macros.h"

enum { ETAG_SIZE = 24 /* a quoted 64-bit number with its NUL */ };

/* "\"7\"". */
void entity_tag_format(int64_t version, char ret[ETAG_SIZE]);

enum entity_tag_verdict { ETAG_MALFORMED, ETAG_DIFFERS, ETAG_MATCHES };

/* Whether an If-Match header ("*", or a list of tags) is true of the version; version 0 stands for what was never written, which
 * "*" does not match. */
enum entity_tag_verdict entity_tag_match(const char *if_match, int64_t version);
