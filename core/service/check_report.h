#pragma once
/* check_report — how the steps of check.c write their verdicts. Floor: service, private. */
#include "check.h"

enum check_weight { CHECK_BLOCKS_CLONE, CHECK_BLOCKS_PUSH };

/* A check that failed stays failed. */
void check_pass(struct check_report *report, enum check_name check);

/* Passes the checks from `reachable` up to, not including, `end`: an answer about a later one proves the earlier ones. */
void check_pass_network(struct check_report *report, enum check_name end);

/* The first failure of a check counts. */
void check_fail(struct check_report *report, enum check_name check, const struct error *failure, enum check_weight weight);

/* A call to GitLab failed: the check is the one its error belongs to. */
void check_fail_network(struct check_report *report, const struct error *failure);
