#pragma once
/*
 * openapi_document — docs/openapi.json, as it was when the program was built: what GET /api/openapi.json answers. Not to be changed
 * here: test_openapi.c compares it with the routes and the error catalogue.
 */
#include <stddef.h>

extern const char openapi_document[]; /* UTF-8, not terminated */
extern const size_t openapi_document_length;
