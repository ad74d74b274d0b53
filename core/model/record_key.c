#include "record_key.h"

#include <string.h>

#include <sodium.h>

#include "encoding.h"

/* Separates these hashes from all others that could be made of the same bytes. */
static const char domain[] = "acp-gitlab record key 1";

enum { PREFIX_LENGTH = 3, TEXT_LENGTH = 52 };

/* The length goes first, so that no two different lists of parts give the same bytes. */
static void add_part(crypto_hash_sha256_state *hash, const char *part)
{
	uint64_t length = strlen(part);
	unsigned char prefix[8];

	for (size_t i = 0; i < sizeof(prefix); i++)
		prefix[i] = (unsigned char)(length >> (56 - 8 * i));
	crypto_hash_sha256_update(hash, prefix, sizeof(prefix));
	crypto_hash_sha256_update(hash, (const unsigned char *)part, length);
}

void record_key_make(const char *provider, const char *user_id, const char *instance_url, char ret_key[RECORD_KEY_SIZE])
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT(RECORD_KEY_SIZE - 1);
	unsigned char digest[crypto_hash_sha256_BYTES];
	crypto_hash_sha256_state hash;

	crypto_hash_sha256_init(&hash);
	add_part(&hash, domain);
	add_part(&hash, provider);
	add_part(&hash, user_id);
	add_part(&hash, instance_url);
	crypto_hash_sha256_final(&hash, digest);

	strbuf_add_string(&text, "k1-");
	encode_base32_lower(&text, digest, sizeof(digest));
	memcpy(ret_key, text.data, RECORD_KEY_SIZE);
}

bool record_key_is_valid(const char *key)
{
	static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz234567";

	if (!key || strlen(key) != RECORD_KEY_SIZE - 1 || strncmp(key, "k1-", PREFIX_LENGTH) != 0)
		return false;
	if (strspn(key + PREFIX_LENGTH, alphabet) != TEXT_LENGTH)
		return false;
	/* 256 bits leave one for the last character: the other forms are not what record_key_make writes */
	char last = key[RECORD_KEY_SIZE - 2];
	return last == 'a' || last == 'q';
}
