#include "http_peer_tls.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>

void require(bool holds)
{
	if (!holds)
		abort();
}

static void set_name(X509_NAME *name, const char *text)
{
	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)text, -1, -1, 0);
}

static void add_extension(X509 *certificate, int nid, const char *value)
{
	X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, nid, value);

	require(extension);
	X509_add_ext(certificate, extension, -1);
	X509_EXTENSION_free(extension);
}

static X509 *make(long serial, const char *subject, const char *issuer, EVP_PKEY *key, EVP_PKEY *issuer_key, long ends_in_s,
                  int nid, const char *extension)
{
	X509 *certificate = X509_new();

	require(certificate);
	X509_set_version(certificate, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(certificate), serial);
	X509_gmtime_adj(X509_getm_notBefore(certificate), -2 * 24 * 3600);
	X509_gmtime_adj(X509_getm_notAfter(certificate), ends_in_s);
	set_name(X509_get_subject_name(certificate), subject);
	set_name(X509_get_issuer_name(certificate), issuer);
	X509_set_pubkey(certificate, key);
	add_extension(certificate, nid, extension);
	require(X509_sign(certificate, issuer_key, EVP_sha256()) > 0);
	return certificate;
}

static void write_pem(X509 *certificate, const char *path)
{
	FILE *file = fopen(path, "we");

	require(file);
	require(PEM_write_X509(file, certificate) == 1);
	fclose(file);
}

SSL_CTX *peer_tls_context(enum peer_certificate certificate, const char *ca_path)
{
	EVP_PKEY *ca_key = EVP_EC_gen("P-256"), *key = EVP_EC_gen("P-256");
	const char *names = certificate == PEER_TLS_WRONG_NAME ? "DNS:elsewhere.example" : "DNS:localhost,IP:127.0.0.1";
	long ends_in_s = certificate == PEER_TLS_EXPIRED ? -3600 : 24 * 3600;
	X509 *ca = make(1, PEER_CA_NAME, PEER_CA_NAME, ca_key, ca_key, 24 * 3600, NID_basic_constraints, "critical,CA:TRUE");
	X509 *leaf = make(2, "peer", PEER_CA_NAME, key, ca_key, ends_in_s, NID_subject_alt_name, names);
	SSL_CTX *context = SSL_CTX_new(TLS_server_method());

	require(context && SSL_CTX_use_certificate(context, leaf) == 1 && SSL_CTX_use_PrivateKey(context, key) == 1);
	write_pem(ca, ca_path);
	X509_free(ca);
	X509_free(leaf);
	EVP_PKEY_free(ca_key);
	EVP_PKEY_free(key);
	return context;
}
