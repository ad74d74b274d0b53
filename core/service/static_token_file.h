#pragma once
/* static_token_file — the lines of ACP_STATIC_TOKENS_FILE: read, written, nothing decided. Floor: service, private. */
#include "error.h"
#include "strbuf.h"

enum { TOKEN_HASH_BYTES = 32, TOKEN_ID_SIZE = 17 };

struct token_entry {
	char id[TOKEN_ID_SIZE];
	unsigned char hash[TOKEN_HASH_BYTES];
	char *created;
	char *user;
	char *projects; /* joined by commas; "" for none */
};
struct token_entries {
	struct token_entry *items;
	size_t count;
};
#define TOKEN_ENTRIES_INIT ZERO_INIT
void token_entries_release(struct token_entries *entries);

/* ERR_CONFIG_INVALID names the line. '#' comments and empty lines are skipped. */
bool token_entries_parse(const char *path, const char *text, struct token_entries *ret, struct error *err) MUST_CHECK;

/* ERR_CONFIG_INVALID also for a file that others may write: a line in it is a login. */
bool token_entries_read(const char *path, struct token_entries *ret, struct error *err) MUST_CHECK;

/* One line with its line break. */
void token_entry_write(struct strbuf *to, const struct token_entry *entry);
