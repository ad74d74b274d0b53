#include "connection.h"

#include <stdlib.h>

#include "alloc.h"

void connection_release(struct connection *c)
{
	free(c->user_id);
	free(c->provider);
	free(c->instance_url);
	free(c->gitlab_user_id);
	free(c->username);
	free(c->token_name);
	free(c->scopes);
	free(c->expires_at);
	free(c->fingerprint);
	free(c->check_code);
	*c = (struct connection)CONNECTION_INIT;
}

void connection_copy(struct connection *to, const struct connection *from)
{
	struct connection copy = *from; /* takes what is not owned */

	if (to == from)
		return;
	copy.user_id = xstrdup(from->user_id);
	copy.provider = xstrdup(from->provider);
	copy.instance_url = xstrdup(from->instance_url);
	copy.gitlab_user_id = xstrdup(from->gitlab_user_id);
	copy.username = xstrdup(from->username);
	copy.token_name = xstrdup(from->token_name);
	copy.scopes = xstrdup(from->scopes);
	copy.expires_at = xstrdup(from->expires_at);
	copy.fingerprint = xstrdup(from->fingerprint);
	copy.check_code = xstrdup(from->check_code);
	connection_release(to);
	*to = copy;
}

void connection_list_release(struct connection_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		connection_release(&list->items[i]);
	free(list->items);
	*list = (struct connection_list)CONNECTION_LIST_INIT;
}

void connection_list_take(struct connection_list *list, struct connection *c)
{
	/* the array doubles each time its length is a power of two, so that no capacity has to be kept */
	if ((list->count & (list->count - 1)) == 0) {
		size_t capacity = list->count ? 2 * list->count : 1;
		list->items = xrealloc(list->items, capacity * sizeof(*list->items));
	}
	list->items[list->count++] = *c;
	*c = (struct connection)CONNECTION_INIT;
}
