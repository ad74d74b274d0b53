#include "secret_store.h"

#include "record.h"

/* So often two writers of one record may meet; each time one of them has won. */
#define ROUNDS_MAX 8

bool secret_put(const struct secret_store *store, const struct secret_place *place, const struct sealed_value *record,
                struct sealed_value *previous, bool *ret_sure, struct error *err)
{
	int64_t generation, present;
	bool replaced;

	*ret_sure = true;
	if (!record_generation(record, &generation))
		return error_set(err, ERR_INTERNAL, "The token could not be stored.");
	for (unsigned round = 0; round < ROUNDS_MAX; round++) {
		/* What tells no generation is no record of ours: it is in the place of one, and gives way. */
		if (record_generation(previous, &present) && present >= generation)
			return error_set(err, ERR_CONFLICT, "The account was connected again in the meantime.");
		if (!store->ops->replace(store->state, place, previous, record, &replaced, err)) {
			*ret_sure = false;
			return false;
		}
		if (replaced)
			return true;
		sealed_value_release(previous);
		if (!store->ops->get(store->state, place, previous, err))
			return false;
	}
	return error_set(err, ERR_CONFLICT, "The account is being connected again and again at the moment.");
}

bool secret_replace_all(const struct secret_store *store, struct secret_change *changes, size_t count, struct error *err)
{
	for (size_t i = 0; i < count; i++)
		changes[i].replaced = false;
	if (store->ops->replace_all)
		return store->ops->replace_all(store->state, changes, count, err);
	for (size_t i = 0; i < count; i++)
		if (!store->ops->replace(store->state, &changes[i].place, changes[i].expected, changes[i].value,
		                         &changes[i].replaced, err))
			return false;
	return true;
}
