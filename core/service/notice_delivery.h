#pragma once
/*
 * notice_delivery — brings notices to ACP_NOTIFY_URL: one signed POST each, under the product's address and TLS policies, without
 * following redirects.
 *
 * At least once: a notice stays until the receiver answered 2xx, and is sent again after growing, jittered waits or as long as
 * Retry-After says. Given up after a day, or when the receiver answers 410. Who sends it holds it under a lease that is longer than
 * a call takes. Floor: service.
 */
#include "http_client.h"
#include "notice_store.h"

struct notice_sender {
	struct http_client *client; /* borrowed */
	struct notice_store notices;
	const char *url; /* borrowed */
	struct secret key;
};
#define NOTICE_SENDER_INIT ZERO_INIT
/* `url` must be https, without user info; ERR_CONFIG_INVALID also for the secret (notice_key_parse). Borrows the url. */
bool notice_sender_init(struct notice_sender *sender, struct http_client *client, struct notice_store notices, const char *url,
                        const char *secret, struct error *err) MUST_CHECK;
void notice_sender_release(struct notice_sender *sender);

enum notice_result { NOTICE_NONE_DUE, NOTICE_DELIVERED, NOTICE_POSTPONED, NOTICE_DROPPED };

/* What became of one notice, for the log. */
struct notice_delivery {
	enum notice_result result;
	char id[NOTICE_ID_SIZE];
	char type[64];
	int64_t attempt;
	int status;       /* of the answer; 0: there was none */
	char reason[320]; /* why it was not delivered; "" when it was */
	int64_t wait_s;   /* NOTICE_POSTPONED: until the next attempt */
};

/* Sends the notice that is due for longest, if there is one. An error is the store's: what it had sent is then sent again. */
bool notice_deliver(struct notice_sender *sender, struct notice_delivery *ret, struct error *err) MUST_CHECK;

/* Seconds to wait after this attempt (from 1): twice as long each time, up to an hour, of which a random part up to a half is taken
 * off. */
int64_t notice_backoff_s(int64_t attempt, uint32_t random);
