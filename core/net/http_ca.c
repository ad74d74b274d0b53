#include "http_ca.h"

#include "caps.h"
#include "file.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

static bool write_all(int fd, const char *bytes, size_t length)
{
	while (length > 0) {
		ssize_t written = write(fd, bytes, length);
		if (written < 0 && errno == EINTR)
			continue;
		if (written <= 0)
			return false;
		bytes += written;
		length -= (size_t)written;
	}
	return true;
}

bool http_ca_merge(const char *path, int *ret_fd, struct error *err)
{
	CLEANUP(strbuf_release) struct strbuf own = STRBUF_INIT(LIMIT_CA_BUNDLE);
	CLEANUP(strbuf_release) struct strbuf all = STRBUF_INIT(2 * (size_t)LIMIT_CA_BUNDLE);

	if (!file_read(path, &own, err))
		return false;
	if (!strstr(own.data, "-----BEGIN CERTIFICATE-----"))
		return error_set(err, ERR_CONFIG_INVALID, "The CA file %s holds no certificate in PEM form.", path);
	/* A machine without the system's bundle trusts the operator's certificates alone. */
	if (access(HTTP_CA_SYSTEM, R_OK) == 0 && !file_read(HTTP_CA_SYSTEM, &all, err))
		return false;
	strbuf_add_char(&all, '\n');
	strbuf_add(&all, own.data, own.length);
	if (!strbuf_ok(&all))
		return error_set(err, ERR_CONFIG_INVALID, "The CA file %s is too large.", path);

	int fd = memfd_create("ca-certificates", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0 || !write_all(fd, all.data, all.length) ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) != 0) {
		int why = errno;
		if (fd >= 0)
			close(fd);
		error_set(err, ERR_CONFIG_INVALID, "The CA file %s cannot be kept in memory.", path);
		return error_detail(err, "memfd: errno %d", why);
	}
	*ret_fd = fd;
	return true;
}
