#include "transaction.h"

#include "alloc.h"
#include "clock.h"
#include "database_private.h"

#include <errno.h>
#include <time.h>

/* How long readers rely on a verdict. Writers never do. */
#define VERDICT_MS 1000

void pool_init(struct pool *pool, unsigned count)
{
	pthread_mutex_init(&pool->lock, NULL);
	pthread_cond_init(&pool->returned, NULL);
	for (pool->idle_count = 0; pool->idle_count < count; pool->idle_count++)
		pool->idle[pool->idle_count] = &pool->handles[pool->idle_count];
}

void pool_destroy(struct pool *pool)
{
	for (size_t i = 0; i < READERS_MAX; i++)
		handle_close(&pool->handles[i]);
	pthread_cond_destroy(&pool->returned);
	pthread_mutex_destroy(&pool->lock);
}

/* NULL: all were in use for the whole time. */
static struct handle *pool_take(struct pool *pool, int timeout_ms, struct error *err)
{
	struct timespec until;
	struct handle *idle;
	int waited = 0;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += timeout_ms / 1000;
	until.tv_nsec += timeout_ms % 1000 * 1000000L;
	if (until.tv_nsec >= 1000000000L) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000L;
	}
	pthread_mutex_lock(&pool->lock);
	while (pool->idle_count == 0 && waited != ETIMEDOUT)
		waited = pthread_cond_clockwait(&pool->returned, &pool->lock, CLOCK_MONOTONIC, &until);
	idle = pool->idle_count > 0 ? pool->idle[--pool->idle_count] : NULL;
	pthread_mutex_unlock(&pool->lock);
	if (!idle) {
		error_set(err, ERR_STORE_UNAVAILABLE, "The database is busy.");
		error_detail(err, "no idle handle after %d ms", timeout_ms);
	}
	return idle;
}

static void pool_give(struct pool *pool, struct handle *handle)
{
	pthread_mutex_lock(&pool->lock);
	pool->idle[pool->idle_count++] = handle;
	pthread_cond_signal(&pool->returned);
	pthread_mutex_unlock(&pool->lock);
}

/* Maps the anchor anew if the name stands for another file than before. Under db->lock. */
static bool refresh_anchor(struct database *db, struct error *err)
{
	const struct anchor *current = atomic_load(&db->anchor);
	struct file_identity identity;
	bool exists = file_identity_of(db->anchor_path, &identity);
	struct anchor *fresh;

	if (current && current->exists == exists && (!exists || file_identity_equal(&current->identity, &identity)))
		return true;
	fresh = xcalloc(1, sizeof(*fresh));
	if (!anchor_open(db->anchor_path, fresh, err)) {
		free(fresh);
		return false;
	}
	db->anchors = xrealloc(db->anchors, (db->anchor_count + 1) * sizeof(*db->anchors));
	db->anchors[db->anchor_count++] = fresh;
	atomic_store(&db->anchor, fresh);
	return true;
}

static void keep_verdict(struct database *db, bool ready, enum store_state state, uint64_t anchored)
{
	pthread_mutex_lock(&db->lock);
	db->judged = true;
	db->ready = ready;
	db->judged_at_ms = clock_monotonic_ms();
	db->judged_change = anchored;
	if (!ready)
		store_state_error(state, &db->reason);
	pthread_mutex_unlock(&db->lock);
}

/* The handle is open on the file that the path names now. */
static bool handle_refresh(struct database *db, struct handle *handle, struct error *err)
{
	struct file_identity identity;

	if (!file_identity_of(db->path, &identity)) {
		keep_verdict(db, false, STATE_MISSING, anchor_change(atomic_load(&db->anchor)));
		return store_state_error(STATE_MISSING, err);
	}
	if (!handle->sqlite || !file_identity_equal(&handle->identity, &identity)) {
		handle_close(handle);
		if (!handle_open(handle, db->path, db->busy_timeout_ms, err))
			return false;
	}
	pthread_mutex_lock(&db->lock);
	db->identity = handle->identity;
	pthread_mutex_unlock(&db->lock);
	return true;
}

/* Recognises the file behind the handle, heals an anchor that a crash left behind, and remembers the verdict. */
static bool judge(struct database *db, struct handle *handle, struct error *err)
{
	struct recognition found;
	struct anchor *anchor;
	bool ready, ok;

	pthread_mutex_lock(&db->lock);
	ok = refresh_anchor(db, err);
	anchor = atomic_load(&db->anchor);
	pthread_mutex_unlock(&db->lock);
	if (!ok || !recognise(handle, anchor, &found, err))
		return false;
	if (found.state == STATE_READY && found.change > anchor_change(anchor))
		anchor_raise(anchor, found.change);
	ready = found.state == STATE_READY || (db->any_state && found.schema_current);
	keep_verdict(db, ready, found.state, anchor_change(anchor));
	return ready || store_state_error(found.state, err);
}

bool reading_begin(struct database *db, struct reading *ret, struct error *err)
{
	struct reading r = {db, pool_take(&db->readers, db->busy_timeout_ms, err)};
	uint64_t anchored = anchor_change(atomic_load(&db->anchor));
	bool fresh, same, ready;

	if (!r.handle)
		return false;
	pthread_mutex_lock(&db->lock);
	fresh = db->judged && db->judged_change == anchored && clock_monotonic_ms() - db->judged_at_ms < VERDICT_MS;
	same = r.handle->sqlite && file_identity_equal(&r.handle->identity, &db->identity);
	ready = db->ready;
	if (fresh && !ready && err)
		*err = db->reason;
	pthread_mutex_unlock(&db->lock);
	if (!fresh || (ready && !same))
		ready = handle_refresh(db, r.handle, err) && judge(db, r.handle, err);
	if (!ready) {
		pool_give(&db->readers, r.handle);
		return false;
	}
	*ret = r;
	return true;
}

void reading_end(struct reading *r)
{
	if (r->handle)
		pool_give(&r->db->readers, r->handle);
	*r = (struct reading)READING_INIT;
}

bool database_judge(struct database *db, struct error *err)
{
	struct handle *handle = pool_take(&db->readers, db->busy_timeout_ms, err);
	bool ready;

	if (!handle)
		return false;
	ready = handle_refresh(db, handle, err) && judge(db, handle, err);
	pool_give(&db->readers, handle);
	return ready;
}

bool writing_begin(struct database *db, struct writing *ret, struct error *err)
{
	struct writing w = {.db = db, .handle = pool_take(&db->writers, db->busy_timeout_ms, err)};

	if (!w.handle)
		return false;
	w.open = handle_refresh(db, w.handle, err) && handle_execute(w.handle, "BEGIN IMMEDIATE", err);
	if (!w.open || !judge(db, w.handle, err)) {
		writing_end(&w);
		return false;
	}
	*ret = w;
	return true;
}

bool writing_change(struct writing *w, int64_t *ret_change, struct error *err)
{
	CLEANUP(query_finish) struct query query = QUERY_INIT;
	bool row;

	if (w->change == 0) {
		if (!query_start(&query, w->handle, "UPDATE meta SET change = change + 1 RETURNING change", err) ||
		    !query_next(&query, &row, err))
			return false;
		w->change = row ? (uint64_t)query_number(&query, 0) : 0;
	}
	*ret_change = (int64_t)w->change;
	return w->change > 0 || error_set(err, ERR_INTERNAL, "The database refused a change.");
}

/* A commit to a file that was deleted or replaced meanwhile is a commit to nowhere. */
static bool still_in_place(const struct writing *w)
{
	struct file_identity identity;

	return file_identity_of(w->db->path, &identity) && file_identity_equal(&identity, &w->handle->identity);
}

bool writing_commit(struct writing *w, struct error *err)
{
	struct anchor *anchor = atomic_load(&w->db->anchor);

	if (!handle_execute(w->handle, "COMMIT", err))
		return false; /* writing_end rolls back */
	w->open = false;
	if (!still_in_place(w))
		return error_set(err, ERR_STORE_UNAVAILABLE, "The database was replaced during a change.");
	if (w->change != 0 && anchor->record)
		anchor_raise(anchor, w->change);
	return true;
}

void writing_end(struct writing *w)
{
	/* After some errors (disk full, I/O) SQLite has rolled back by itself. A rollback that fails leaves a handle nobody should
	 * trust. */
	if (w->open && !sqlite3_get_autocommit(w->handle->sqlite) && !handle_execute(w->handle, "ROLLBACK", NULL))
		handle_close(w->handle);
	if (w->handle)
		pool_give(&w->db->writers, w->handle);
	*w = (struct writing)WRITING_INIT;
}
