#pragma once
/*
 * terminal — lines for people.
 *
 * What a server, a file or an argument says may hold escape sequences, line breaks or letters that turn the direction of writing.
 * Every line that a command writes for people goes through here and holds none of them; tokens that can be recognised are masked.
 */
#include "strbuf.h"
#include <stdio.h>

/*
 * Appends the text as one line: control characters (C0, DEL, C1), line separators and marks of direction become blanks, bytes that
 * are not UTF-8 become "?". `ascii`: so does every character beyond ASCII.
 */
void terminal_clean(struct strbuf *to, const char *text, size_t length, bool ascii);

enum { TERMINAL_LINE_MAX = 64 * 1024 /* what is longer is not shown */ };

/* Writes one cleaned and masked line with its line break. */
void terminal_line(FILE *to, const char *format, ...) PRINTF_LIKE(2, 3);

enum terminal_mark { MARK_OK, MARK_WARNING, MARK_FAILED, MARK_NOT_RUN };
/* "✓", "!", "✗", "–" on a terminal that shows UTF-8, otherwise "ok", "warn", "FAIL", "-"; either are all of one width. */
const char *terminal_mark(FILE *to, enum terminal_mark mark);
