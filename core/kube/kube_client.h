#pragma once
/*
 * kube_client — calls to the Kubernetes API server, through net like every outgoing byte: to that one address, trusting that one
 * CA.
 *
 * The token is read again from its file every 50 seconds, and at once after a 401, whose call is made once more with a new one; a
 * replaced CA gets fresh connections. Connecting takes 2 s at most, a call 5 s, and answers are capped. An answer with Retry-After
 * (429, 5xx), a server that could not be reached and, of calls that may be repeated, one that did not answer, are tried again after
 * that time with jitter, three times in all, unless that would take longer than the caller has. Thread-safe. Floor: kube.
 */
#include "http_client.h"
#include "json.h"
#include "kube_config.h"

struct kube_client;

/* Reads the CA and the token. ERR_CONFIG_INVALID: they cannot be read. `config` is copied. Starts a thread. */
bool kube_client_new(const struct kube_config *config, const char *user_agent, struct kube_client **ret,
                     struct error *err) MUST_CHECK;
void kube_client_freep(struct kube_client **slot);

enum kube_form {
	KUBE_OBJECT,   /* the answer's object */
	KUBE_METADATA, /* its metadata alone (PartialObjectMetadata): what a Secret holds does not travel */
};

struct kube_call {
	/* what is asked; borrowed */
	const char *method;
	const char *path; /* "/api/v1/namespaces/…" with its query */
	const char *body; /* NULL: none */
	size_t body_length;
	const char *content_type; /* NULL: application/json */
	enum kube_form form;
	/* The server's words may repeat what was sent, or what others stored (a refused write of a Secret does): they are dropped,
	 * and appear in no error, not even in its detail. */
	bool confidential;
	/* It may be carried out twice: sent again when its answer is late or broken. A GET is so by itself. */
	bool repeatable;
	size_t max_answer; /* 0: KUBE_ANSWER_MAX */
	/* For all tries, and before them as long again for a turn among the process's calls; 0: KUBE_TOTAL_MS. A single try has 5
	 * s. */
	unsigned total_ms;

	/* what came back; kube_call_release */
	int status;
	json_t *answer;    /* an object; NULL: none came */
	char reason[64];   /* of a Status ("AlreadyExists", "Conflict"); "" */
	char message[512]; /* of a Status, one line, masked; always "" when confidential */
	bool too_large; /* an answer came, of more bytes than max_answer or more values than LIMIT_KUBE_VALUES; it was not read */
	unsigned tries;
};
enum { KUBE_ANSWER_MAX = 4 * 1024 * 1024, KUBE_TOTAL_MS = 10000, KUBE_TRY_MS = 5000, KUBE_CONNECT_MS = 2000 };

/*
 * True: the server answered, whatever its status. False: ERR_KUBERNETES_UNAVAILABLE (not reached, cut off, not JSON; also 401,
 * which is about our own token, and what is still 429 or 5xx after all tries). A write that failed so may have happened.
 */
bool kube_call_run(struct kube_client *client, struct kube_call *call, struct error *err) MUST_CHECK;
void kube_call_release(struct kube_call *call);

/* For a call that got an answer it cannot use: ERR_KUBERNETES_UNAVAILABLE (403 and others), with status and reason as detail.
 * False. */
bool kube_call_refused(const struct kube_call *call, const char *what, struct error *err);
