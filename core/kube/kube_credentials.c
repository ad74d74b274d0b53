#include "kube_private.h"

#include "alloc.h"
#include "caps.h"
#include "clock.h"
#include "file.h"

#include <pthread.h>
#include <sys/stat.h>

enum {
	TOKEN_MS = 50 * 1000, /* as client-go: a minute less ten seconds; the kubelet renews at 80 % of ten minutes and more */
	CA_LOOK_MS = 5 * 1000,
};

struct kube_credentials {
	char *token_file, *ca_file; /* NULL: what is here stays */
	pthread_mutex_t lock;       /* guards what follows */
	struct secret token;
	int64_t token_read_ms;
	char *ca_pem; /* NULL: the system's */
	uint64_t ca_number;
	int64_t ca_looked_ms;
	struct timespec ca_modified;
	uint64_t ca_inode;
};

/* The files are swapped as a whole: read anew each time, never kept open. */
static bool read_token(struct kube_credentials *c, struct error *err)
{
	CLEANUP(strbuf_release_secret) struct strbuf text = STRBUF_INIT(LIMIT_BEARER_MAX);
	CLEANUP(secret_release) struct secret token = SECRET_INIT;

	if (!file_read(c->token_file, &text, err))
		return false;
	while (text.length > 0 && strchr(" \t\r\n", text.data[text.length - 1]))
		text.data[--text.length] = '\0';
	if (text.length == 0)
		return error_set(err, ERR_CONFIG_INVALID, "The file %s is empty; it should hold a token.", c->token_file);
	secret_set(&token, text.data, text.length);
	if (!secret_is_one_line(&token))
		return error_set(err, ERR_CONFIG_INVALID, "The file %s holds more than one token.", c->token_file);
	secret_copy(&c->token, &token);
	c->token_read_ms = clock_monotonic_ms();
	return true;
}

static bool read_ca(struct kube_credentials *c, struct error *err)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT(LIMIT_CA_BUNDLE);
	struct stat st = {0};

	c->ca_looked_ms = clock_monotonic_ms();
	if (stat(c->ca_file, &st) == 0 && c->ca_number > 0 && st.st_ino == c->ca_inode &&
	    st.st_mtim.tv_sec == c->ca_modified.tv_sec && st.st_mtim.tv_nsec == c->ca_modified.tv_nsec)
		return true;
	if (!file_read(c->ca_file, &text, err))
		return false;
	/* Half a file, while it is being written: the old one is better. */
	if (!strstr(text.data, "-----END CERTIFICATE-----"))
		return error_set(err, ERR_CONFIG_INVALID, "The CA file %s holds no certificate in PEM form.", c->ca_file);
	c->ca_modified = st.st_mtim;
	c->ca_inode = st.st_ino;
	if (c->ca_pem && strcmp(c->ca_pem, text.data) == 0)
		return true;
	set_string(&c->ca_pem, text.data);
	c->ca_number++;
	return true;
}

bool kube_credentials_new(const struct kube_config *config, struct kube_credentials **ret, struct error *err)
{
	CLEANUP(kube_credentials_freep) struct kube_credentials *c = xcalloc(1, sizeof(*c));

	pthread_mutex_init(&c->lock, NULL);
	c->token_file = xstrdup(config->token_file);
	c->ca_file = xstrdup(config->ca_file);
	c->ca_pem = xstrdup(config->ca_pem);
	secret_copy(&c->token, &config->token);
	if ((c->token_file && !read_token(c, err)) || (c->ca_file && !read_ca(c, err)))
		return false;
	if (!c->ca_file)
		c->ca_number = 1;
	*ret = TAKE(c);
	return true;
}

void kube_credentials_freep(struct kube_credentials **slot)
{
	struct kube_credentials *c = *slot;

	if (!c)
		return;
	free(c->token_file);
	free(c->ca_file);
	free(c->ca_pem);
	secret_release(&c->token);
	pthread_mutex_destroy(&c->lock);
	freep(slot);
}

void kube_credentials_token(struct kube_credentials *c, struct secret *ret)
{
	pthread_mutex_lock(&c->lock);
	bool due = c->token_file && clock_monotonic_ms() - c->token_read_ms >= TOKEN_MS;
	/* A file that cannot be read is looked at again with the next call: the old token may still be good. */
	if (due && !read_token(c, NULL))
		c->token_read_ms = 0;
	secret_copy(ret, &c->token);
	pthread_mutex_unlock(&c->lock);
}

bool kube_credentials_refused(struct kube_credentials *c, const struct secret *token)
{
	bool other;

	pthread_mutex_lock(&c->lock);
	other = !secret_equals(&c->token, token); /* somebody else has read it again meanwhile */
	if (!other && c->token_file && read_token(c, NULL))
		other = !secret_equals(&c->token, token);
	pthread_mutex_unlock(&c->lock);
	return other;
}

bool kube_credentials_changed_ca(struct kube_credentials *c, uint64_t *known, char **ret_pem)
{
	bool changed;

	pthread_mutex_lock(&c->lock);
	if (c->ca_file && clock_monotonic_ms() - c->ca_looked_ms >= CA_LOOK_MS && !read_ca(c, NULL))
		c->ca_looked_ms = clock_monotonic_ms(); /* the old certificates stay in force */
	changed = *known != c->ca_number;
	if (changed) {
		*known = c->ca_number;
		*ret_pem = xstrdup(c->ca_pem);
	}
	pthread_mutex_unlock(&c->lock);
	return changed;
}
