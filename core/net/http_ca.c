#include "http_ca.h"

#include "caps.h"
#include "file.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

static bool holds_certificate(const char *pem)
{
	return strstr(pem, "-----BEGIN CERTIFICATE-----");
}

static bool keep(const char *bytes, size_t length, int *ret_fd)
{
	int fd = memfd_create("ca-certificates", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd >= 0 && file_write_all(fd, bytes, length) &&
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) == 0) {
		*ret_fd = fd;
		return true;
	}
	int why = errno;
	if (fd >= 0)
		close(fd);
	errno = why;
	return false;
}

bool http_ca_keep(const char *pem, int *ret_fd, struct error *err)
{
	if (!holds_certificate(pem))
		return error_set(err, ERR_CONFIG_INVALID, "There is no certificate in PEM form among those to be trusted.");
	if (keep(pem, strlen(pem), ret_fd))
		return true;
	error_set(err, ERR_CONFIG_INVALID, "The certificates to be trusted cannot be kept in memory.");
	return error_detail(err, "memfd: errno %d", errno);
}

bool http_ca_merge(const char *path, int *ret_fd, struct error *err)
{
	CLEANUP(strbuf_release) struct strbuf own = STRBUF_INIT(LIMIT_CA_BUNDLE);
	CLEANUP(strbuf_release) struct strbuf all = STRBUF_INIT(2 * (size_t)LIMIT_CA_BUNDLE);

	if (!file_read(path, &own, err))
		return false;
	if (!holds_certificate(own.data))
		return error_set(err, ERR_CONFIG_INVALID, "The CA file %s holds no certificate in PEM form.", path);
	/* A machine without the system's bundle trusts the operator's certificates alone. */
	if (access(HTTP_CA_SYSTEM, R_OK) == 0 && !file_read(HTTP_CA_SYSTEM, &all, err))
		return false;
	strbuf_add_char(&all, '\n');
	strbuf_add(&all, own.data, own.length);
	if (!strbuf_ok(&all))
		return error_set(err, ERR_CONFIG_INVALID, "The CA file %s is too large.", path);
	if (keep(all.data, all.length, ret_fd))
		return true;
	error_set(err, ERR_CONFIG_INVALID, "The CA file %s cannot be kept in memory.", path);
	return error_detail(err, "memfd: errno %d", errno);
}
