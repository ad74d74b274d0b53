#include "handle_admission.h"

#include "admission.h"

bool handle_admission(struct call *call, struct error *err)
{
	json_t *answer = NULL;

	if (!admission_answer(call->body, &answer, err))
		return false;
	response_json(&call->response, 200, answer);
	return true;
}
