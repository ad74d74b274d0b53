#include "report_array.h"

#include <stdlib.h>

void report_array_release(struct report_array *reports)
{
	for (size_t i = 0; reports->items && i < reports->count; i++)
		check_report_release(&reports->items[i]);
	free(reports->items);
	*reports = (struct report_array)REPORT_ARRAY_INIT;
}
