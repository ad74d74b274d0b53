#include "http_tls.h"

#include "encoding.h"
#include "redact.h"
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

static const char *reason_of(int verify_error)
{
	switch (verify_error) {
	case X509_V_ERR_CERT_HAS_EXPIRED:
		return "expired";
	case X509_V_ERR_CERT_NOT_YET_VALID:
		return "not yet valid";
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
		return "self-signed";
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
		return "unknown authority";
	case X509_V_ERR_HOSTNAME_MISMATCH:
	case X509_V_ERR_IP_ADDRESS_MISMATCH:
		return "made for another name";
	default:
		return "not valid";
	}
}

static bool add_name_part(X509_NAME *name, int nid, struct strbuf *to)
{
	int at = X509_NAME_get_index_by_NID(name, nid, -1);
	if (at < 0)
		return false;
	unsigned char *utf8 = NULL;
	int length = ASN1_STRING_to_UTF8(&utf8, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at)));
	if (length <= 0)
		return false;
	redact_sentence(NULL, (const char *)utf8, (size_t)length, to->limit, to);
	OPENSSL_free(utf8);
	return to->length > 0;
}

/* The certificate comes from a stranger: its text is cut, made one line, and dropped when it is not UTF-8. */
static void remember_issuer(struct http_dial *dial, X509 *certificate)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT(sizeof(dial->tls_issuer) - 1);
	X509_NAME *name = certificate ? X509_get_issuer_name(certificate) : NULL;

	if (name && (add_name_part(name, NID_commonName, &text) || add_name_part(name, NID_organizationName, &text)) &&
	    is_utf8(text.data, text.length))
		snprintf(dial->tls_issuer, sizeof(dial->tls_issuer), "%s", text.data);
}

static int watch(int accepted, X509_STORE_CTX *store)
{
	SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
	struct http_dial *dial = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));

	remember_issuer(dial, X509_STORE_CTX_get0_cert(store));
	if (!accepted)
		snprintf(dial->tls_reason, sizeof(dial->tls_reason), "%s", reason_of(X509_STORE_CTX_get_error(store)));
	return accepted;
}

CURLcode http_tls_watch(CURL *easy, void *ssl_context, void *dial)
{
	SSL_CTX *context = ssl_context;
	const struct http_dial *d = dial;

	(void)easy;
	if (d->trust && !http_trust_give(d->trust, d->ca_path, ssl_context))
		return CURLE_SSL_CACERT_BADFILE;
	SSL_CTX_set_app_data(context, dial);
	/* A kept connection outlives its dial: no second handshake may reach for it. */
	SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION);
	SSL_CTX_set_verify(context, SSL_VERIFY_PEER, watch);
	return CURLE_OK;
}
