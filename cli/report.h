#pragma once
/*
 * report — the report on a repository, and the checks of a connect or test, as lines for people and as an exit code.
 */
#include "cli.h"
#include <stdio.h>

/* The checks in their order, a mark and a name each; below a failed one its message and remedy, below a passed one its note. */
void report_checks_print(FILE *to, const json_t *checks);
/* The checks of a report, then one line with the verdict. */
void report_print(FILE *to, const json_t *report);
/* One line that names the entry of a list and its mark; what failed, below. `report` may be NULL: nothing is known. */
void report_entry_print(FILE *to, const json_t *entry, const json_t *report);

/* CLI_OK for a valid report, otherwise what its first failed check means. */
int report_exit(const json_t *report);
