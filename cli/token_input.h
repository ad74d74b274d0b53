#pragma once
/*
 * token_input — how a token comes into the command line: from a file, from standard input, or typed at a prompt without echo.
 * Never from an argument or the environment, which other processes can read.
 */
#include "secret.h"

/*
 * `file`: where the token is, or NULL for standard input; where that is a terminal, `prompt` and a colon are shown on standard
 * error. Blanks and line breaks around it are no part of it. What it may look like is the service's to judge. ERR_FIELD_MISSING:
 * nothing came. ERR_FIELD_INVALID: the file cannot be read. ERR_TOKEN_MALFORMED: more than one line, control characters, too long.
 * A signal at the prompt takes its course once the terminal echoes again.
 */
bool token_input_read(const char *file, const char *prompt, struct secret *ret, struct error *err) MUST_CHECK;
