/* A file of static tokens from anywhere: refused with a sentence that names the line, or read into entries that survive being
 * written. */
#include "fuzz.h"
#include "static_token_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(freep) char *text = fuzz_text(data, size);
	CLEANUP(token_entries_release) struct token_entries entries = TOKEN_ENTRIES_INIT;
	CLEANUP(token_entries_release) struct token_entries again = TOKEN_ENTRIES_INIT;
	CLEANUP(strbuf_release) struct strbuf written = STRBUF_INIT(1 << 22);
	struct error err = ERROR_INIT;

	if (!token_entries_parse("tokens", text, &entries, &err)) {
		FUZZ_ASSERT(err.code == ERR_CONFIG_INVALID && strncmp(err.message, "tokens, line ", 13) == 0);
		FUZZ_ASSERT(strpbrk(err.message, "\r\n") == NULL && entries.count == 0);
		return 0;
	}
	for (size_t i = 0; i < entries.count; i++) {
		FUZZ_ASSERT(strlen(entries.items[i].id) == TOKEN_ID_SIZE - 1 && entries.items[i].user[0] != '\0');
		token_entry_write(&written, &entries.items[i]);
	}
	FUZZ_ASSERT(token_entries_parse("tokens", written.length > 0 ? written.data : "", &again, &err));
	FUZZ_ASSERT(again.count == entries.count);
	for (size_t i = 0; i < entries.count; i++) {
		const struct token_entry *one = &entries.items[i], *other = &again.items[i];

		FUZZ_ASSERT(strcmp(one->id, other->id) == 0 && memcmp(one->hash, other->hash, sizeof(one->hash)) == 0);
		FUZZ_ASSERT(strcmp(one->user, other->user) == 0 && strcmp(one->projects, other->projects) == 0);
		FUZZ_ASSERT(strcmp(one->created, other->created) == 0);
	}
	return 0;
}
