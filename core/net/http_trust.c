#include "http_trust.h"

#include "alloc.h"
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <string.h>
#include <sys/stat.h>

/* One file as it was when it was parsed. */
struct list {
	char *path;
	struct stat file;
	X509_STORE *store;
	struct list *next;
};

struct http_trust {
	pthread_mutex_t lock; /* guards the lists: one for the system and one for each instance that has its own */
	struct list *first;
};

struct http_trust *http_trust_new(void)
{
	struct http_trust *trust = xcalloc(1, sizeof(*trust));

	pthread_mutex_init(&trust->lock, NULL);
	return trust;
}

void http_trust_freep(struct http_trust **slot)
{
	struct http_trust *trust = *slot;

	if (!trust)
		return;
	while (trust->first) {
		struct list *list = trust->first;
		trust->first = list->next;
		X509_STORE_free(list->store);
		free(list->path);
		free(list);
	}
	pthread_mutex_destroy(&trust->lock);
	freep(slot);
}

static bool is_as_it_was(const struct stat *then, const struct stat *now)
{
	return then->st_dev == now->st_dev && then->st_ino == now->st_ino && then->st_size == now->st_size &&
	       then->st_mtim.tv_sec == now->st_mtim.tv_sec && then->st_mtim.tv_nsec == now->st_mtim.tv_nsec;
}

/* As libcurl makes its own: a certificate in the list need not be a root. */
static X509_STORE *parse(const char *path)
{
	X509_STORE *store = X509_STORE_new();

	if (!store)
		abort();
	X509_STORE_set_flags(store, X509_V_FLAG_TRUSTED_FIRST | X509_V_FLAG_PARTIAL_CHAIN);
	if (X509_STORE_load_file(store, path) == 1)
		return store;
	X509_STORE_free(store);
	ERR_clear_error();
	return NULL;
}

static struct list *find(struct http_trust *trust, const char *path)
{
	struct list *list = trust->first;

	while (list && strcmp(list->path, path) != 0)
		list = list->next;
	if (!list) {
		list = xcalloc(1, sizeof(*list));
		list->path = xstrdup(path);
		list->next = trust->first;
		trust->first = list;
	}
	return list;
}

/* Looked at before it is read: a file that changes in between is parsed once more, never kept under a later time. */
static bool refresh(struct list *list)
{
	struct stat now;

	if (stat(list->path, &now) != 0)
		return false;
	if (list->store && is_as_it_was(&list->file, &now))
		return true;
	X509_STORE *store = parse(list->path);
	if (!store)
		return false;
	X509_STORE_free(list->store);
	list->store = store;
	list->file = now;
	return true;
}

bool http_trust_give(struct http_trust *trust, const char *path, void *ssl_context)
{
	bool given = false;

	pthread_mutex_lock(&trust->lock);
	struct list *list = find(trust, path);
	if (refresh(list)) {
		SSL_CTX_set1_cert_store(ssl_context, list->store);
		given = true;
	}
	pthread_mutex_unlock(&trust->lock);
	return given;
}
