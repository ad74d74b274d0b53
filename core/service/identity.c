#include "identity.h"

#include <stdlib.h>

void caller_release(struct caller *caller)
{
	if (!caller)
		return;
	free(caller->user_id);
	for (size_t i = 0; i < caller->project_count; i++)
		free(caller->projects[i]);
	free(caller->projects);
	free(caller->subject);
	*caller = (struct caller)CALLER_INIT;
}
