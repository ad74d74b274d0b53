#include "ca_file.h"

#include "caps.h"
#include "file.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <string.h>

static void free_certificate(X509 **certificate)
{
	X509_free(*certificate);
}

static void free_source(BIO **source)
{
	BIO_free(*source);
}

static int64_t expiry_of(const X509 *certificate)
{
	struct tm end;

	return ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &end) == 1 ? (int64_t)timegm(&end) : 0;
}

static void name_of(const X509 *certificate, char *ret, size_t size)
{
	ret[0] = '\0';
	(void)X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, ret, (int)size);
}

static void note(const X509 *certificate, int64_t now_s, struct ca_file_facts *facts)
{
	int64_t expires_at = expiry_of(certificate);

	facts->count++;
	if (expires_at <= now_s) {
		facts->expired++;
	} else if (facts->first_expires_at == 0 || expires_at < facts->first_expires_at) {
		facts->first_expires_at = expires_at;
		name_of(certificate, facts->first_expiring, sizeof(facts->first_expiring));
	}
}

/* True at the end of the file: OpenSSL then finds no further "-----BEGIN". */
static bool is_at_end(void)
{
	unsigned long code = ERR_peek_last_error();

	return ERR_GET_LIB(code) == ERR_LIB_PEM && ERR_GET_REASON(code) == PEM_R_NO_START_LINE;
}

bool ca_file_examine(const char *path, int64_t now_s, struct ca_file_facts *ret, struct error *err)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT(LIMIT_CA_BUNDLE);
	CLEANUP(free_source) BIO *source = NULL;
	struct ca_file_facts facts = {0};

	if (!file_read(path, &text, err))
		return false;
	source = BIO_new_mem_buf(text.data, (int)text.length);
	for (;;) {
		CLEANUP(free_certificate) X509 *certificate = source ? PEM_read_bio_X509(source, NULL, NULL, NULL) : NULL;

		if (!certificate)
			break;
		note(certificate, now_s, &facts);
	}
	const bool whole = is_at_end();
	ERR_clear_error();
	if (facts.count == 0)
		return error_set(err, ERR_CONFIG_INVALID, "The CA file %s holds no certificate in PEM form.", path);
	if (!whole)
		return error_set(err, ERR_CONFIG_INVALID, "The CA file %s has a damaged certificate after %zu good ones.", path,
		                 facts.count);
	*ret = facts;
	return true;
}
