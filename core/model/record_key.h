#pragma once
/*
 * record_key — the name under which one user's connection to one instance is kept, in the database and in a Secret:
 * "k1-" and 52 characters of base32 over SHA-256 of a domain tag, the provider, the user id and the instance, each length-prefixed.
 * Injective, fixed length, valid as a Secret's data key and as a file name; says nothing about the user. Floor: model.
 */
#include "macros.h"

#define RECORD_KEY_SIZE 56 /* with the NUL */

void record_key_make(const char *provider, const char *user_id, const char *instance_url, char ret_key[RECORD_KEY_SIZE]);
bool record_key_is_valid(const char *key);
