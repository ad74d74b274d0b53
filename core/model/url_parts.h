#pragma once
/*
 * url_parts — cuts an address into its parts as they are written, and quotes an address safely in a message.
 *
 * Judges nothing but the scheme's form. Two forms of the same: views into the text, and copies without the user info. Floor: model,
 * private.
 */
#include "span.h"
#include "strbuf.h"

/* "[user-info@]host[:port]". A part that is not there has no start. */
struct url_authority {
	struct span user_info;
	struct span host; /* as written, brackets included; always there */
	struct span port;
};

struct url_view {
	struct span scheme; /* as written; not there in the form host:path */
	struct url_authority authority;
	struct span path; /* always there: "" or from the first "/" on, in the form host:path what follows the colon */
	struct span query, fragment;
};

/* "scheme://authority/path?query#fragment". False: there is no "://", or nothing before it that can be a scheme. */
bool url_view_absolute(struct span text, struct url_view *ret) MUST_CHECK;

/*
 * git's short form of ssh: "[user@]host:path". The host may be an IPv6 address in brackets, and all of it git's "[user@host:port]".
 * NULL: it is one; otherwise a static sentence for the user that says why not.
 */
const char *url_view_scp(struct span text, struct url_view *ret) MUST_CHECK;

bool url_has_password(const struct url_authority *authority);
/* The user's name without the password; "" if there is none. */
struct span url_user(const struct url_authority *authority);

struct url_parts {
	char *scheme; /* lower case. Owned, as all below */
	char *host;   /* as written, brackets included */
	char *port;   /* as written; NULL: none */
	char *path;   /* "" or from the first "/" on, without query and fragment */
	bool has_user_info;
	bool has_query;
	bool has_fragment;
};
#define URL_PARTS_INIT ZERO_INIT

/* url_view_absolute as copies. */
bool url_split(const char *text, struct url_parts *ret) MUST_CHECK;
void url_parts_release(struct url_parts *parts);

/* 1 to 65535, digits only, no leading zero. */
bool url_port_read(struct span text, unsigned *ret_port) MUST_CHECK;
bool url_port_parse(const char *text, unsigned *ret_port) MUST_CHECK;
/* 443 for "https", 80 for "http", otherwise 0. */
unsigned url_default_port(const char *scheme);

/* A copy without blanks at both ends; NULL counts as "". Caller frees. */
char *url_trim(const char *text) MUST_CHECK;
/* Whether there is a control character or a backslash, which browsers and libraries read differently. */
bool url_has_forbidden_byte(const char *text);
bool url_span_has_forbidden_byte(struct span text);

/* "host" or "[v6]", and ":port" unless it is the default of the scheme or 0. */
void url_add_authority(struct strbuf *to, const char *scheme, const char *host, unsigned port);

/* The text for a message: at most about 200 bytes, no user info, no query, tokens masked, controls replaced. */
void url_add_quoted(struct strbuf *to, const char *text);
#define URL_QUOTE_MAX 512

/*
 * The same address without user info, query and fragment. In the form host:path another user than "git" becomes "git": what is left
 * of "me@c:/a/b" without a user is the name of a file. Caller frees.
 */
char *url_without_credentials(const char *text) MUST_CHECK;
