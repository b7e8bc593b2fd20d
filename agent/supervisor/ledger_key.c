// SPDX-License-Identifier: MIT
/* The key that signs the ledger. */
#include "supervisor/ledger_files.h"

#include "lib/log.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/bio.h>
#include <openssl/pem.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PEM_MAX 4096

/* As PEM, in memory the caller frees; NULL: out of memory. */
static BIO *pem(EVP_PKEY *key, bool secret)
{
	BIO *b = BIO_new(secret ? BIO_s_secmem() : BIO_s_mem());
	bool ok = b && (secret ? PEM_write_bio_PrivateKey(b, key, NULL, NULL, 0, NULL, NULL)
			       : PEM_write_bio_PUBKEY(b, key)) == 1;

	if (!ok) {
		BIO_free(b);
		return NULL;
	}
	return b;
}

static bool write_pem(struct ledger *l, const char *name, mode_t mode, bool secret)
{
	BIO *b = pem(l->key, secret);
	char *p = NULL;
	long n = b ? BIO_get_mem_data(b, &p) : 0;
	bool ok;

	errno = ENOMEM;
	ok = n > 0 && ledger_replace(l->dir, name, mode, p, (size_t)n);
	if (!ok)
		log_error("%s/%s: cannot be written: %s", l->path, name, strerror(errno));
	BIO_free(b);
	return ok;
}

/* The public half is there for whoever verifies; one that is another's is not touched. */
static bool check_public(struct ledger *l)
{
	char there[PEM_MAX], *p = NULL;
	int fd = openat(l->dir, LEDGER_PUB_NAME, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	bool absent = fd < 0 && errno == ENOENT;
	ssize_t n = fd < 0 ? -1 : read(fd, there, sizeof(there));
	BIO *b = pem(l->key, false);
	long size = b ? BIO_get_mem_data(b, &p) : 0;
	bool same = n == size && memcmp(there, p, (size_t)n) == 0;

	BIO_free(b);
	if (fd >= 0)
		close(fd);
	if (absent)
		return write_pem(l, LEDGER_PUB_NAME, 0644, false);
	if (!same)
		log_error("%s/%s is not the public half of %s; expected the pair that was "
			  "made together: put the right key back, or remove the public half, "
			  "and it is made again",
			  l->path, LEDGER_PUB_NAME, LEDGER_KEY_NAME);
	return same;
}

static bool make_key(struct ledger *l)
{
	l->key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	if (!l->key) {
		log_error("%s/%s: a key cannot be made", l->path, LEDGER_KEY_NAME);
		return false;
	}
	if (!write_pem(l, LEDGER_KEY_NAME, 0600, true))
		return false;
	log_info("%s/%s: a new key signs the ledger; keep a copy of %s elsewhere", l->path,
		 LEDGER_KEY_NAME, LEDGER_PUB_NAME);
	return true;
}

static bool read_key(struct ledger *l, int fd)
{
	char text[PEM_MAX];
	struct stat st;
	ssize_t n;
	BIO *b;

	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || (st.st_mode & 077) ||
	    (st.st_uid != 0 && st.st_uid != geteuid())) {
		log_error("%s/%s: expected a file of root's or our own that nobody else can "
			  "read (mode 0600)",
			  l->path, LEDGER_KEY_NAME);
		return false;
	}
	n = read(fd, text, sizeof(text));
	b = n > 0 ? BIO_new_mem_buf(text, (int)n) : NULL;
	l->key = b ? PEM_read_bio_PrivateKey(b, NULL, NULL, NULL) : NULL;
	BIO_free(b);
	explicit_bzero(text, sizeof(text));
	if (l->key && EVP_PKEY_id(l->key) == EVP_PKEY_ED25519)
		return true;
	log_error("%s/%s: expected a private Ed25519 key in PEM", l->path, LEDGER_KEY_NAME);
	return false;
}

bool ledger_load_key(struct ledger *l, bool may_make)
{
	int fd = openat(l->dir, LEDGER_KEY_NAME, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	bool ok;

	if (fd < 0 && errno == ENOENT && may_make)
		return make_key(l) && check_public(l);
	if (fd < 0) {
		log_error("%s/%s: %s; there is a ledger that it signed: put it back, or move "
			  "%s and %s away to begin a new one; until then nothing leaves",
			  l->path, LEDGER_KEY_NAME, strerror(errno), LEDGER_NAME,
			  LEDGER_HEAD_NAME);
		return false;
	}
	ok = read_key(l, fd) && check_public(l);
	close(fd);
	return ok;
}
