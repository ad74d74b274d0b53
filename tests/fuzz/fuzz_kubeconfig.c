/* A KUBECONFIG: what is accepted has an https server and a credential; a refusal leaves nothing behind. */
#include "fuzz.h"

#include "kube_config.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(kube_config_release) struct kube_config config = KUBE_CONFIG_INIT;
	struct error err = ERROR_INIT;

	if (!secret_library_init())
		abort();
	if (!kube_config_parse((const char *)data, size, "/etc", &config, &err)) {
		if (config.server || err.code != ERR_CONFIG_INVALID || !err.message[0])
			abort();
		return 0;
	}
	if (strncmp(config.server, "https://", 8) != 0 || !config.host[0] || config.port == 0 || config.port > 65535 ||
	    (!config.token_file && config.token.length == 0))
		abort();
	return 0;
}
