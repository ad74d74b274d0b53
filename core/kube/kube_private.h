#pragma once
/* kube_private — what the files of this floor share. Private to kube. Floor: kube. */
#include "kube_client.h"
#include "kube_resources.h"

/* kube_config.c: fills server, host and port. ERR_CONFIG_INVALID. */
bool kube_config_take_server(const char *text, struct kube_config *config, struct error *err) MUST_CHECK;

/* kube_credentials.c: the token and the CA as they are now. Thread-safe. */
struct kube_credentials;
bool kube_credentials_new(const struct kube_config *config, struct kube_credentials **ret, struct error *err) MUST_CHECK;
void kube_credentials_freep(struct kube_credentials **slot);
/* A copy. A file that cannot be read again leaves the old token in force. */
void kube_credentials_token(struct kube_credentials *credentials, struct secret *ret);
/* The server refused this token: the file is read again. True: it holds another one by now. */
bool kube_credentials_refused(struct kube_credentials *credentials, const struct secret *token) MUST_CHECK;
/* The CA as PEM, NULL: the system's, if it is another than the caller has (*known, which is moved on); else false. Caller frees. */
bool kube_credentials_changed_ca(struct kube_credentials *credentials, uint64_t *known, char **ret_pem) MUST_CHECK;

/* kube_client.c: what http_client and http_streams are made with, kept while anybody uses it. */
struct kube_link;
struct kube_link *kube_link_take(struct kube_client *client, struct error *err) MUST_CHECK; /* NULL: ERR_KUBERNETES_UNAVAILABLE */
void kube_link_drop(struct kube_client *client, struct kube_link *link);
struct http_client *kube_link_calls(struct kube_link *link);
struct http_streams *kube_link_streams(struct kube_link *link);
struct kube_credentials *kube_client_credentials(struct kube_client *client);
/* The whole address. Caller frees. */
char *kube_client_url(const struct kube_client *client, const char *path) MUST_CHECK;

/* kube_answer.c */
/* Reason and message of a Status, or nothing; the message masked and in one line. */
void kube_status_read(const json_t *answer, bool confidential, char ret_reason[64], char ret_message[512]);
/* "Retry-After" in milliseconds; false: absent or no number. */
bool kube_retry_after(const char *value, int64_t *ret_ms) MUST_CHECK;

/* kube_pause.c: so that those who were refused together do not come again together. */
int64_t kube_random_below(int64_t limit) MUST_CHECK; /* 0 to limit - 1 */
void kube_pause(int64_t ms);

/* kube_resources.c: "/apis/GROUP/VERSION/namespaces/NS/PLURAL/NAME", namespace and name NULL where there is none. */
void kube_path_add(struct strbuf *to, const struct kube_kind *kind, const char *namespace_, const char *name);
