/*
 * What a credential looks like when nobody told us its value. A text is read as words (letters, digits, '_' and '-') and what is
 * between them; each word is looked at once. A token that an administrator gave a wholly custom prefix has no look: it is caught by
 * value.
 */
#include "redact_parts.h"

#include <string.h>
#include <strings.h>

enum {
	MID_WORD_MIN = 16,  /* inside a longer word, a token must be followed by that much: "englpat-ish" is no token */
	BEARER_MIN = 20,    /* of ours: 43; metric and file names begin with acp_ as well */
	PLAIN_WORD_MIN = 4, /* "Basic authentication" is prose, "Basic x" a credential */
};

struct reader {
	const char *text;
	size_t length;
	struct strbuf *to;
};

enum characters { DIGITS_AND_LETTERS, WORD, TOKEN, TOKEN68 };

static bool is_alnum(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static bool is_in(char c, enum characters set)
{
	if (is_alnum(c))
		return true;
	static const char others[][8] = {[DIGITS_AND_LETTERS] = "_", [WORD] = "_-", [TOKEN] = "_-.", [TOKEN68] = "_-.~+/*"};
	return c && strchr(others[set], c);
}

static size_t span(const struct reader *r, size_t from, enum characters set)
{
	size_t end = from;
	while (end < r->length && is_in(r->text[end], set))
		end++;
	return end;
}

static bool starts_with(const struct reader *r, size_t at, const char *prefix)
{
	size_t length = strlen(prefix);
	return r->length - at >= length && strncasecmp(r->text + at, prefix, length) == 0;
}

/* --- tokens that show their kind --- */

struct kind {
	const char *prefix;
	enum characters rest;
};

static const struct kind kinds[] = {
        /* GitLab, doc/security/tokens; the rest may hold dots (routable tokens) */
        {"glpat-", TOKEN},
        {"gldt-", TOKEN},
        {"glcbt-", TOKEN},
        {"glrt-", TOKEN},
        {"glrtr-", TOKEN},
        {"glptt-", TOKEN},
        {"glft-", TOKEN},
        {"glimt-", TOKEN},
        {"glagent-", TOKEN},
        {"glsoat-", TOKEN},
        {"gloas-", TOKEN},
        {"glffct-", TOKEN},
        {"glwt-", TOKEN},
        {"GR1348941", TOKEN}, /* runner registration before GitLab 16 */
        /* GitHub */
        {"ghp_", DIGITS_AND_LETTERS},
        {"gho_", DIGITS_AND_LETTERS},
        {"ghu_", DIGITS_AND_LETTERS},
        {"ghs_", TOKEN},
        {"ghr_", DIGITS_AND_LETTERS},
        {"github_pat_", DIGITS_AND_LETTERS},
        /* our own bearers */
        {"acp_", WORD},
};

/* Ours have the look of many a name, so that they must be long and not all lower case. */
static bool is_our_bearer(const char *rest, size_t length)
{
	if (length < BEARER_MIN)
		return false;
	for (size_t i = 0; i < length; i++)
		if ((rest[i] >= 'A' && rest[i] <= 'Z') || (rest[i] >= '0' && rest[i] <= '9'))
			return true;
	return false;
}

/* The end of a token of this kind at `at`; 0: there is none. A full stop after a token ends the sentence, not the token. */
static size_t token_end(const struct reader *r, size_t at, size_t word, const struct kind *kind)
{
	size_t prefix = strlen(kind->prefix);
	bool ours = kind->prefix[0] == 'a';
	if (ours && at != word) /* else "acp_acp_…" takes the square of its length */
		return 0;
	if (r->length - at <= prefix || memcmp(r->text + at, kind->prefix, prefix) != 0)
		return 0;
	size_t end = span(r, at + prefix, kind->rest);
	while (end > at + prefix && r->text[end - 1] == '.')
		end--;
	size_t rest = end - at - prefix;
	bool begins_word = at == word || !is_alnum(r->text[at - 1]);
	if (rest < (begins_word ? 1 : MID_WORD_MIN))
		return 0;
	return ours && !is_our_bearer(r->text + at + prefix, rest) ? 0 : end;
}

/* Masks the first token in the word, with what an administrator put before it; returns its end, or 0 if there is none. */
static size_t mask_token(const struct reader *r, size_t word, size_t word_end)
{
	for (size_t at = word; at < word_end; at++) {
		if (!strchr("gGa", r->text[at]))
			continue;
		for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
			size_t end = token_end(r, at, word, &kinds[k]);
			if (!end)
				continue;
			strbuf_add_string(r->to, kinds[k].prefix);
			strbuf_add_string(r->to, "***");
			return end;
		}
	}
	return 0;
}

/* --- words that announce a credential --- */

static size_t skip_blanks(const struct reader *r, size_t at)
{
	for (;;) {
		if (at < r->length && (r->text[at] == ' ' || r->text[at] == '\t'))
			at++;
		else if (starts_with(r, at, "%20"))
			at += 3;
		else
			return at;
	}
}

/* A quotation mark, also escaped as inside a JSON string. */
static size_t skip_quote(const struct reader *r, size_t at)
{
	size_t quote = at;
	while (quote < r->length && r->text[quote] == '\\')
		quote++;
	return quote < r->length && (r->text[quote] == '"' || r->text[quote] == '\'') ? quote + 1 : at;
}

static bool is_word(const struct reader *r, size_t word, size_t end, const char *name)
{
	return end - word == strlen(name) && starts_with(r, word, name);
}

/* Prose such as "Bearer token" or "Basic authentication", and the parameter of a challenge, 'Basic realm="…"'. */
static bool is_prose(const struct reader *r, size_t scheme, size_t from, size_t end)
{
	static const char *const after_bearer[] = {"token",      "tokens",      "authentication", "authorization",
	                                           "credential", "credentials", "header",         "scheme"};
	if (r->text[end - 1] == '=' && end < r->length && r->text[end] == '"')
		return true;
	if (r->text[scheme] == 'B' && (r->text[scheme + 1] | 0x20) == 'e') {
		for (size_t i = 0; i < sizeof(after_bearer) / sizeof(after_bearer[0]); i++)
			if (is_word(r, from, end, after_bearer[i]))
				return true;
		return false;
	}
	for (size_t i = from; i < end; i++)
		if (r->text[i] < 'a' || r->text[i] > 'z')
			return false;
	return r->text[scheme] == 'b' || end - from >= PLAIN_WORD_MIN;
}

/* "Bearer x", "Basic x". Returns where the mask ends, or 0. */
static size_t mask_after_scheme(const struct reader *r, size_t word, size_t word_end)
{
	if (!is_word(r, word, word_end, "bearer") && !is_word(r, word, word_end, "basic"))
		return 0;
	size_t value = skip_blanks(r, word_end);
	size_t end = span(r, value, TOKEN68);
	if (value == word_end || end == value)
		return 0;
	while (end < r->length && r->text[end] == '=')
		end++;
	if (is_prose(r, word, value, end))
		return 0;
	strbuf_add(r->to, r->text + word, value - word);
	strbuf_add_string(r->to, "***");
	return end;
}

static bool ends_with(const struct reader *r, size_t word, size_t end, const char *suffix)
{
	size_t length = strlen(suffix);
	return end - word >= length && strncasecmp(r->text + end - length, suffix, length) == 0;
}

/*
 * Whether the name of a parameter, field or header is followed by its value, and where that begins: token=x, "token": "x",
 * PRIVATE-TOKEN: x, token%3Dx. "token: x" alone is prose.
 */
static size_t find_value(const struct reader *r, size_t word, size_t word_end)
{
	size_t after_quote = skip_quote(r, word_end);
	bool quoted = after_quote != word_end;
	size_t at = skip_blanks(r, after_quote);
	bool colon = starts_with(r, at, ":") || starts_with(r, at, "%3A");
	bool header = ends_with(r, word, word_end, "-token") || ends_with(r, word, word_end, "_token");
	if (!colon && !starts_with(r, at, "=") && !starts_with(r, at, "%3D"))
		return 0;
	if (colon && !quoted && !header)
		return 0;
	at = skip_blanks(r, at + (r->text[at] == '%' ? 3 : 1));
	size_t value = skip_quote(r, at);
	/* A quoted name with a bare value is JSON's null, true or an object. */
	return quoted && colon && value == at ? 0 : value;
}

static size_t value_end(const struct reader *r, size_t value)
{
	size_t end = value;
	while (end < r->length && (unsigned char)r->text[end] > ' ' && !strchr("&\"'<>\\,;)]}#", r->text[end]) &&
	       !starts_with(r, end, "%26") && !starts_with(r, end, "%23") && !starts_with(r, end, "%22"))
		end++;
	return end;
}

/* private_token=x and its like. Returns where the mask ends, or 0. */
static size_t mask_after_name(const struct reader *r, size_t word, size_t word_end)
{
	if (!ends_with(r, word, word_end, "token") && !ends_with(r, word, word_end, "password") &&
	    !ends_with(r, word, word_end, "secret"))
		return 0;
	size_t value = find_value(r, word, word_end);
	size_t end = value ? value_end(r, value) : 0;
	if (end == value)
		return 0;
	strbuf_add(r->to, r->text + word, value - word);
	strbuf_add_string(r->to, "***");
	return end;
}

/* --- credentials in addresses --- */

/* An address as it is, or percent-encoded because it is a parameter of another. */
struct spelling {
	const char *separator, *colon, *at, *slash;
};

static const struct spelling plain = {"://", ":", "@", "/"}, encoded = {"%3A%2F%2F", "%3A", "%40", "%2F"};

static size_t authority_end(const struct reader *r, size_t at, const struct spelling *s)
{
	while (at < r->length && (unsigned char)r->text[at] > ' ' && !strchr("/?#\"'<>\\&", r->text[at]) &&
	       !starts_with(r, at, s->slash))
		at++;
	return at;
}

/* "user" of user:password; the token is the user where the password is empty or GitHub's filler. */
static bool is_public_user(const struct reader *r, size_t password, size_t at)
{
	return at > password && !(is_word(r, password, at, "x-oauth-basic"));
}

/* Masks the user info after "://". Returns where it went on from, or 0 if this is no separator of an address. */
static size_t mask_user_info(const struct reader *r, size_t separator)
{
	const struct spelling *s = r->text[separator] == ':' ? &plain : &encoded;
	if (!starts_with(r, separator, s->separator))
		return 0;
	size_t user = separator + strlen(s->separator);
	size_t end = authority_end(r, user, s);
	size_t at = end, colon = end;
	for (size_t i = user; i < end; i++)
		if (starts_with(r, i, s->at))
			at = i; /* the last one: passwords hold '@' */
	for (size_t i = at; i > user; i--)
		if (starts_with(r, i - 1, s->colon))
			colon = i - 1; /* the first one */
	strbuf_add(r->to, r->text + separator, user - separator);
	if (at == end)
		return user;
	if (colon == end) {
		strbuf_add_string(r->to, is_word(r, user, at, "git") ? "git" : "***"); /* ssh's user is no secret */
		return at;
	}
	if (is_public_user(r, colon + strlen(s->colon), at)) {
		redact_patterns(r->text + user, colon - user, r->to);
		strbuf_add_string(r->to, s->colon);
	}
	strbuf_add_string(r->to, "***");
	return at;
}

/* --- the reading --- */

static bool is_hex(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* How much of the word at `at` belongs to an escape that precedes it: %3D, \n or \u003d. */
static size_t escape_length(const struct reader *r, size_t at, size_t end)
{
	char before = at ? r->text[at - 1] : ' ';
	size_t digits = before == '%' ? 2 : before == '\\' && r->text[at] == 'u' ? 4 : 0;
	size_t first = before == '\\' && digits ? 1 : 0;
	if (before == '\\' && !digits)
		return strchr("bfnrt", r->text[at]) ? 1 : 0;
	if (!digits || end - at < first + digits)
		return 0;
	for (size_t i = 0; i < digits; i++)
		if (!is_hex(r->text[at + first + i]))
			return 0;
	return first + digits;
}

/* Copies or masks the word at `at` and what it announces; returns where to go on. */
static size_t read_word(const struct reader *r, size_t at)
{
	size_t end = span(r, at, WORD);
	size_t escape = escape_length(r, at, end);
	strbuf_add(r->to, r->text + at, escape);
	size_t word = at + escape;
	if (word == end)
		return end;
	size_t masked = mask_token(r, word, end);
	if (!masked)
		masked = mask_after_scheme(r, word, end);
	if (!masked)
		masked = mask_after_name(r, word, end);
	if (masked)
		return masked;
	strbuf_add(r->to, r->text + word, end - word);
	return end;
}

void redact_patterns(const char *text, size_t length, struct strbuf *to)
{
	const struct reader r = {text, length, to};
	for (size_t at = 0; at < length;) {
		size_t next = 0;
		if (is_in(text[at], WORD))
			next = read_word(&r, at);
		else if (text[at] == ':' || text[at] == '%')
			next = mask_user_info(&r, at);
		if (!next) {
			strbuf_add_char(to, text[at]);
			next = at + 1;
		}
		at = next;
	}
}
