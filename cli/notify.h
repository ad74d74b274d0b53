#pragma once
/*
 * notify — housekeeping's part in ACP_NOTIFY_URL: writes what is to be told of tokens, and sends what waits, in a thread of its
 * own, so that neither a slow receiver nor a slow GitLab keeps the other waiting. Without ACP_NOTIFY_URL it does nothing.
 */
#include "log.h"
#include "machine.h"
#include "notice_delivery.h"
#include <pthread.h>

struct notify {
	bool on; /* ACP_NOTIFY_URL is set */
	struct notice_sender sender;
	const struct logger *logger; /* borrowed */
	pthread_t thread;
	bool thread_runs;
	pthread_mutex_t lock; /* guards `stopping` */
	pthread_cond_t wake;
	bool stopping;
};
#define NOTIFY_INIT ZERO_INIT

/* After machine_open_network; borrows machine, settings and logger. ERR_CONFIG_INVALID: notice_sender_init. */
bool notify_open(struct notify *notify, const struct settings *settings, struct machine *machine, const struct logger *logger,
                 struct error *err) MUST_CHECK;
/* Ends the thread, after the call it may be in. */
void notify_release(struct notify *notify);

/* Writes the notices of tokens that are due. */
bool notify_of_tokens(struct notify *notify, size_t *ret_count, struct error *err) MUST_CHECK;
/* Sends everything that is due now, each notice once. */
bool notify_send(struct notify *notify, size_t *ret_delivered, struct error *err) MUST_CHECK;
/* From now on what is due is sent within seconds. */
bool notify_start(struct notify *notify, struct error *err) MUST_CHECK;
