#pragma once
/* keys — what the files of the group `keys` share: keys.c makes and checks key files and has the table, keys_life.c looks at what
 * the stored tokens are sealed to and changes it. */
#include "cli.h"
#include "key_service.h"

int keys_rotate(struct cli *cli, int argc, char **argv);
int keys_retire(struct cli *cli, int argc, char **argv);
int keys_status(struct cli *cli, int argc, char **argv);

/* [{provider, recordKey, user?, key?, code, reason}] of what does not open. */
json_t *keys_problems_json(const struct key_census *census);
/* The same as lines for people, each behind two blanks. */
void keys_problems_print(const struct key_census *census);
