#pragma once
/*
 * kube_secrets — the secret store in Kubernetes: each provider's records in a number of Secrets that was fixed at installation,
 * "gitlab-user-tokens", "gitlab-user-tokens-001" … and "github-user-tokens" … A record is one key of `data`; high bits of the
 * record key say in which Secret.
 *
 * Nobody's write rewrites another's: a record is put, replaced and removed by a JSON patch that tests and changes its own key
 * alone. A missing Secret is made by a server-side apply of name, labels and type, never of data. So the Role needs get, patch and
 * create of these names, and neither list nor any other create. Answers of writes are metadata alone, and what the server says
 * about a refused one is dropped: it may quote everyone's records.
 *
 * The number of Secrets, and whose they are, is an annotation of the first of each. Both are compared before the first use.
 * Implements secret_store.h. Thread-safe. Floor: kube.
 */
#include "kube_client.h"
#include "kube_secret_name.h"
#include "secret_store.h"

struct kube_secrets;

struct kube_secrets_options {
	struct kube_client *client; /* borrowed; outlives the store */
	const char *namespace_;
	unsigned shards;          /* a power of two, 1 to KUBE_SHARDS_MAX */
	const char *installation; /* of the keyring; NULL: not compared, and nothing is installed */
};

/* ERR_CONFIG_INVALID: not such a number, or a name that is no namespace's. Calls nobody. */
bool kube_secrets_new(const struct kube_secrets_options *options, struct kube_secrets **ret, struct error *err) MUST_CHECK;
void kube_secrets_freep(struct kube_secrets **slot);

/* ERR_SECRET_STORE_UNAVAILABLE; also ERR_SECRET_STORE_FULL from replace, and from all what kube_secrets_check returns. */
struct secret_store kube_secrets_store(struct kube_secrets *secrets);

/*
 * Whether the Secrets are this installation's; makes the first ones where there are none. Remembers success. ERR_CONFIG_INVALID:
 * they have another number or belong to another installation. ERR_SECRET_STORE_UNAVAILABLE: nobody knows now.
 */
bool kube_secrets_check(struct kube_secrets *secrets, struct error *err) MUST_CHECK;

/* What can be said of the Secrets at the moment, for readiness. */
enum kube_look {
	KUBE_LOOK_GOOD,
	KUBE_LOOK_UNKNOWN, /* the server does not answer, or not in time */
	KUBE_LOOK_BAD,     /* certain: a right is missing, they have another number, or belong to another installation */
};
/* Asks for our rights and reads the first Secrets' metadata, in `total_ms` at most; changes nothing. BAD:
 * ERR_SECRET_STORE_NOT_READY. */
enum kube_look kube_secrets_look(struct kube_secrets *secrets, unsigned total_ms, struct error *err) MUST_CHECK;
