#include "notify.h"

#include "clock.h"
#include "notice.h"
#include <time.h>

enum { LOOK_EVERY_S = 2, TROUBLE_EVERY_MS = 60 * 1000 };

bool notify_open(struct notify *notify, const struct settings *settings, struct machine *machine, const struct logger *logger,
                 struct error *err)
{
	const char *url = settings_get(settings, NOTIFY_URL);

	notify->logger = logger;
	if (*url && !notice_sender_init(&notify->sender, machine->client, database_notices(machine->database), url,
	                                settings_get(settings, NOTIFY_SECRET), err))
		return false;
	notify->on = *url != '\0';
	return true;
}

void notify_release(struct notify *notify)
{
	if (notify->thread_runs) {
		pthread_mutex_lock(&notify->lock);
		notify->stopping = true;
		pthread_cond_signal(&notify->wake);
		pthread_mutex_unlock(&notify->lock);
		pthread_join(notify->thread, NULL);
		pthread_mutex_destroy(&notify->lock);
		pthread_cond_destroy(&notify->wake);
	}
	notice_sender_release(&notify->sender);
}

bool notify_of_tokens(struct notify *notify, size_t *ret_count, struct error *err)
{
	*ret_count = 0;
	return !notify->on || notices_of_tokens(&notify->sender.notices, clock_now_s(), ret_count, err);
}

static void log_delivery(const struct logger *logger, const struct notice_delivery *delivery)
{
	static const struct {
		enum log_level level;
		const char *message;
	} words[] = {
	        [NOTICE_NONE_DUE] = {LOG_DEBUG, "no notice is due"},
	        [NOTICE_DELIVERED] = {LOG_INFO, "notice delivered"},
	        [NOTICE_POSTPONED] = {LOG_WARNING, "notice not delivered; it will be tried again"},
	        [NOTICE_DROPPED] = {LOG_ERROR, "notice not delivered and given up"},
	};
	json_t *fields = json_pack("{s:s, s:s, s:I, s:i}", "notice", delivery->id, "type", delivery->type, "attempt",
	                           (json_int_t)delivery->attempt, "status", delivery->status);

	if (delivery->reason[0])
		json_object_set_new(fields, "reason", json_string(delivery->reason));
	if (delivery->result == NOTICE_POSTPONED)
		json_object_set_new(fields, "waitSeconds", json_integer(delivery->wait_s));
	log_event(logger, words[delivery->result].level, NULL, words[delivery->result].message, fields);
}

static bool send_one(struct notify *notify, struct notice_delivery *ret, struct error *err)
{
	if (!notice_deliver(&notify->sender, ret, err))
		return false;
	if (ret->result != NOTICE_NONE_DUE)
		log_delivery(notify->logger, ret);
	return true;
}

bool notify_send(struct notify *notify, size_t *ret_delivered, struct error *err)
{
	struct notice_delivery delivery;

	*ret_delivered = 0;
	if (!notify->on)
		return true;
	do {
		if (!send_one(notify, &delivery, err))
			return false;
		*ret_delivered += delivery.result == NOTICE_DELIVERED;
	} while (delivery.result != NOTICE_NONE_DUE);
	return true;
}

/* ---- The thread ---- */

/* Waits for the next look; true: it is time to end. */
static bool pause_or_stop(struct notify *notify, bool at_once)
{
	struct timespec until;

	(void)clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += LOOK_EVERY_S;
	pthread_mutex_lock(&notify->lock);
	if (!at_once && !notify->stopping)
		(void)pthread_cond_timedwait(&notify->wake, &notify->lock, &until);
	bool stopping = notify->stopping;
	pthread_mutex_unlock(&notify->lock);
	return stopping;
}

/* A store that is down is asked on; what it says is logged once a minute. */
static void *send_loop(void *context)
{
	struct notify *notify = context;
	int64_t trouble_at_ms = 0;
	bool more = true;

	while (!pause_or_stop(notify, more)) {
		struct notice_delivery delivery = {0};
		struct error failure = ERROR_INIT;

		more = send_one(notify, &delivery, &failure) && delivery.result != NOTICE_NONE_DUE;
		if (failure.code == ERR_NONE || clock_monotonic_ms() < trouble_at_ms)
			continue;
		trouble_at_ms = clock_monotonic_ms() + TROUBLE_EVERY_MS;
		log_event(notify->logger, LOG_ERROR, NULL, "notices cannot be read or written",
		          json_pack("{s:s, s:s, s:s}", "code", error_name(failure.code), "error", failure.message, "detail",
		                    failure.detail));
	}
	return NULL;
}

bool notify_start(struct notify *notify, struct error *err)
{
	pthread_condattr_t attributes;

	if (!notify->on)
		return true;
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_mutex_init(&notify->lock, NULL);
	pthread_cond_init(&notify->wake, &attributes);
	pthread_condattr_destroy(&attributes);
	if (pthread_create(&notify->thread, NULL, send_loop, notify) != 0)
		return error_set(err, ERR_SERVICE_UNAVAILABLE, "No thread could be started.");
	notify->thread_runs = true;
	return true;
}
