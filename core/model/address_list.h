#pragma once
/*
 * address_list — addresses and networks that an operator lists ("127.0.0.1, 10.0.0.0/8, ::1"), for questions about who is asking.
 * Which addresses may be dialled is address_policy's. Floor: model.
 */
#include "error.h"

/* ERR_CONFIG_INVALID names the entry that is none. */
bool address_list_check(const char *list, struct error *err) MUST_CHECK;

/* Whether `address` ("10.1.2.3", "::ffff:10.1.2.3", "fd00::1") is in a list that address_list_check has seen. False for anything
 * that is no address. */
bool address_list_has(const char *list, const char *address) MUST_CHECK;
