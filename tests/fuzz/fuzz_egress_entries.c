/* ACP_EGRESS_ALLOW from anywhere: understood or refused with a sentence; the metadata address stays closed unless it is spelled
 * out. */
#include "address_policy.h"
#include "fuzz.h"

#include <arpa/inet.h>
#include <netinet/in.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(freep) char *text = fuzz_text(data, size);
	CLEANUP(address_policy_freep) struct address_policy *policy = address_policy_new();
	struct sockaddr_in metadata = {.sin_family = AF_INET, .sin_port = htons(80)};
	struct error err = ERROR_INIT;

	FUZZ_ASSERT(inet_pton(AF_INET, "169.254.169.254", &metadata.sin_addr) == 1);
	if (!address_policy_add(policy, text, &err)) {
		FUZZ_ASSERT(err.code == ERR_CONFIG_INVALID);
		return 0;
	}
	if (strstr(text, "169.254.169.254") == NULL)
		FUZZ_ASSERT(!address_policy_allows(policy, "host", (const struct sockaddr *)&metadata));
	return 0;
}
