#pragma once
/*
 * url_parts — cuts an absolute address into its parts as they are written, and quotes an address safely in a message.
 *
 * Judges nothing but the scheme's form; user info is looked at and never kept. Floor: model, private.
 */
#include "strbuf.h"

struct url_parts {
	char *scheme; /* lower case. Owned, as all below */
	char *host;   /* as written, brackets included */
	char *port;   /* as written; NULL: none */
	char *path;   /* "" or from the first "/" on, without query and fragment */
	bool has_user_info;
	bool has_password;
	bool user_is_git;
	bool has_query;
	bool has_fragment;
};
#define URL_PARTS_INIT ZERO_INIT

/* False: there is no "://", or nothing before it that can be a scheme. */
bool url_split(const char *text, struct url_parts *ret) MUST_CHECK;
void url_parts_release(struct url_parts *parts);

/* 1 to 65535, digits only, no leading zero. */
bool url_port_parse(const char *text, unsigned *ret_port) MUST_CHECK;
/* 443 for "https", 80 for "http", otherwise 0. */
unsigned url_default_port(const char *scheme);

/* A copy without blanks at both ends; NULL counts as "". Caller frees. */
char *url_trim(const char *text) MUST_CHECK;
/* Whether there is a control character or a backslash, which browsers and libraries read differently. */
bool url_has_forbidden_byte(const char *text);

/* "host" or "[v6]", and ":port" unless it is the default of the scheme or 0. */
void url_add_authority(struct strbuf *to, const char *scheme, const char *host, unsigned port);

/* The text for a message: at most about 200 bytes, no user info, no query, tokens masked, controls replaced. */
void url_add_quoted(struct strbuf *to, const char *text);
#define URL_QUOTE_MAX 512

/* The same address without user info, query and fragment. Caller frees. */
char *url_without_credentials(const char *text) MUST_CHECK;
