#include "github_app_private.h"

#include "alloc.h"
#include "encoding.h"
#include "file.h"
#include <openssl/pem.h>

enum {
	JWT_BACK_S = 60,     /* GitHub's clock may be behind ours */
	JWT_GOOD_S = 9 * 60, /* ten minutes are allowed */
	JWT_MAX = 4096,      /* a signature of an 8192-bit key is 1366 characters */
	KEY_BITS_MIN = 2048, /* what GitHub makes */
	ID_MAX = 64,
};

/* A number ("123456") or a client id ("Iv23liAbCdEf", "Iv1.0123456789abcdef"). */
static bool id_is_plain(const char *id)
{
	size_t length = id ? strlen(id) : 0;

	return length > 0 && length <= ID_MAX &&
	       strspn(id, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz._-") == length;
}

/* A key with a passphrase is refused; OpenSSL would ask for it on the terminal. */
// NOLINTNEXTLINE(readability-non-const-parameter): OpenSSL names the type
static int no_passphrase(char *to, int size, int writing, void *context)
{
	(void)to, (void)size, (void)writing, (void)context;
	return -1;
}

static EVP_PKEY *parse_key(const struct strbuf *pem)
{
	BIO *bio = BIO_new_mem_buf(pem->data, (int)pem->length);
	EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL) : NULL;

	BIO_free(bio);
	return key;
}

static bool read_key(const char *path, EVP_PKEY **ret, struct error *err)
{
	CLEANUP(strbuf_release_secret) struct strbuf pem = STRBUF_INIT(LIMIT_FILE_CONFIG);

	if (!file_read(path, &pem, err))
		return false;
	EVP_PKEY *key = parse_key(&pem);
	if (!key)
		return error_set(err, ERR_CONFIG_INVALID,
		                 "The file %s does not hold a private key in PEM form without a passphrase.", path);
	if (EVP_PKEY_get_base_id(key) != EVP_PKEY_RSA || EVP_PKEY_get_bits(key) < KEY_BITS_MIN) {
		EVP_PKEY_free(key);
		return error_set(err, ERR_CONFIG_INVALID, "The key in %s is not an RSA key of at least %d bits.", path,
		                 (int)KEY_BITS_MIN);
	}
	*ret = key;
	return true;
}

bool github_app_new(const char *id, const char *key_file, struct github_app **ret, struct error *err)
{
	EVP_PKEY *key = NULL;

	if (!id_is_plain(id))
		return error_set(err, ERR_CONFIG_INVALID, "The id of the GitHub App is not a number or client id.");
	if (!read_key(key_file, &key, err))
		return false;
	struct github_app *app = xcalloc(1, sizeof(*app));
	app->id = xstrdup(id);
	app->key = key;
	pthread_mutex_init(&app->lock, NULL);
	pthread_cond_init(&app->changed, NULL);
	*ret = app;
	return true;
}

void github_app_freep(struct github_app **slot)
{
	struct github_app *app = *slot;

	if (!app)
		return;
	for (size_t i = 0; i < INSTALLED_TOKENS_MAX; i++)
		secret_release(&app->tokens[i].token);
	EVP_PKEY_free(app->key);
	pthread_cond_destroy(&app->changed);
	pthread_mutex_destroy(&app->lock);
	free(app->id);
	freep(slot);
}

/* Appends "." and the signature of what is in `text`. */
static bool sign(EVP_PKEY *key, struct strbuf *text)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	size_t length = (size_t)EVP_PKEY_get_size(key);
	CLEANUP(freep) unsigned char *signature = xmalloc(length);
	bool ok = context && EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, key) == 1 &&
	          EVP_DigestSign(context, signature, &length, (const unsigned char *)text->data, text->length) == 1;

	EVP_MD_CTX_free(context);
	if (!ok)
		return false;
	strbuf_add_char(text, '.');
	encode_base64url(text, signature, length);
	return strbuf_ok(text);
}

bool github_app_jwt(const struct github_app *app, int64_t now_s, struct secret *ret)
{
	static const char header[] = "{\"alg\":\"RS256\",\"typ\":\"JWT\"}";
	CLEANUP(freep)
	char *claims = xasprintf("{\"iat\":%lld,\"exp\":%lld,\"iss\":\"%s\"}", (long long)(now_s - JWT_BACK_S),
	                         (long long)(now_s + JWT_GOOD_S), app->id);
	CLEANUP(strbuf_release_secret) struct strbuf text = STRBUF_INIT(JWT_MAX);

	encode_base64url(&text, header, strlen(header));
	strbuf_add_char(&text, '.');
	encode_base64url(&text, claims, strlen(claims));
	if (!sign(app->key, &text))
		return false;
	secret_set(ret, text.data, text.length);
	return true;
}
