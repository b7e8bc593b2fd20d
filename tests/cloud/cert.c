// SPDX-License-Identifier: MIT
#include "cert.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include "bytes.h"

/*
 * Valid from a fixed day in the past: a virtual machine that has just started may think
 * it is long ago.
 */
#define CERT_NOT_BEFORE "20200101000000Z"
#define CERT_NOT_AFTER "20491231235959Z"
#define CERT_SAN_MAX 4096

struct cert_extension {
	int nid;
	const char *value;
};

static bool cert_is_address(const char *name)
{
	unsigned char address[16];

	return inet_pton(AF_INET, name, address) == 1 ||
	       inet_pton(AF_INET6, name, address) == 1;
}

static bool cert_extend(X509 *cert, X509 *issuer, const struct cert_extension *list, size_t nr)
{
	X509V3_CTX ctx;

	X509V3_set_ctx_nodb(&ctx);
	X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
	for (size_t i = 0; i < nr; i++) {
		X509_EXTENSION *x = X509V3_EXT_conf_nid(NULL, &ctx, list[i].nid, list[i].value);
		bool ok = x && X509_add_ext(cert, x, -1);

		X509_EXTENSION_free(x);
		if (!ok)
			return false;
	}
	return true;
}

/* A certificate for @key with @common_name, not signed yet. */
static X509 *cert_new(EVP_PKEY *key, const char *common_name)
{
	X509 *cert = X509_new();
	unsigned char serial[16];
	BIGNUM *number = NULL;
	X509_NAME *name;
	bool ok = false;

	if (!cert || RAND_bytes(serial, sizeof(serial)) != 1)
		goto out;
	serial[0] &= 0x7f; /* positive, RFC 5280 section 4.1.2.2 */
	number = BN_bin2bn(serial, sizeof(serial), NULL);
	name = X509_get_subject_name(cert);
	ok = number && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(cert)) &&
	     X509_set_version(cert, X509_VERSION_3) &&
	     ASN1_TIME_set_string(X509_getm_notBefore(cert), CERT_NOT_BEFORE) &&
	     ASN1_TIME_set_string(X509_getm_notAfter(cert), CERT_NOT_AFTER) &&
	     X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
					(const unsigned char *)common_name, -1, -1, 0) &&
	     X509_set_pubkey(cert, key);
out:
	BN_free(number);
	if (!ok) {
		X509_free(cert);
		cert = NULL;
	}
	return cert;
}

static X509 *cert_authority(EVP_PKEY *key)
{
	static const struct cert_extension list[] = {
		{NID_basic_constraints, "critical,CA:TRUE,pathlen:0"},
		{NID_key_usage, "critical,keyCertSign,cRLSign"},
		{NID_subject_key_identifier, "hash"},
	};
	X509 *cert = cert_new(key, "testcloud authority");

	if (cert && X509_set_issuer_name(cert, X509_get_subject_name(cert)) &&
	    cert_extend(cert, cert, list, sizeof(list) / sizeof(list[0])) &&
	    X509_sign(cert, key, EVP_sha256()))
		return cert;
	X509_free(cert);
	return NULL;
}

static X509 *cert_server(EVP_PKEY *key, X509 *ca, EVP_PKEY *ca_key, const char *san)
{
	const struct cert_extension list[] = {
		{NID_basic_constraints, "critical,CA:FALSE"},
		{NID_key_usage, "critical,digitalSignature"},
		{NID_ext_key_usage, "serverAuth"},
		{NID_subject_key_identifier, "hash"},
		{NID_authority_key_identifier, "keyid"},
		{NID_subject_alt_name, san},
	};
	X509 *cert = cert_new(key, "testcloud");

	if (cert && X509_set_issuer_name(cert, X509_get_subject_name(ca)) &&
	    cert_extend(cert, ca, list, sizeof(list) / sizeof(list[0])) &&
	    X509_sign(cert, ca_key, EVP_sha256()))
		return cert;
	X509_free(cert);
	return NULL;
}

static bool cert_path(char *path, const char *dir, const char *name)
{
	return snprintf(path, PATH_MAX, "%s/%s", dir, name) < PATH_MAX;
}

static bool cert_write(const char *dir, const char *name, X509 *cert, EVP_PKEY *key)
{
	char path[PATH_MAX];
	FILE *file;
	bool ok;
	int fd;

	if (!cert_path(path, dir, name))
		return false;
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, key ? 0600 : 0644);
	file = fd < 0 ? NULL : fdopen(fd, "w");
	if (!file) {
		fprintf(stderr, "testcloud: cannot write %s: %s\n", path, strerror(errno));
		if (fd >= 0)
			close(fd);
		return false;
	}
	ok = cert ? PEM_write_X509(file, cert)
		  : PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL);
	return !fclose(file) && ok;
}

static bool cert_make(const char *dir, const char *const *name, size_t nr)
{
	EVP_PKEY *ca_key = EVP_EC_gen("P-256");
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *ca = NULL, *cert = NULL;
	struct bytes san;
	bool ok = false;

	bytes_init(&san, CERT_SAN_MAX);
	for (size_t i = 0; i < nr; i++)
		bytes_printf(&san, "%s%s:%s", i ? "," : "",
			     cert_is_address(name[i]) ? "IP" : "DNS", name[i]);
	if (!ca_key || !key || san.over)
		goto out;
	ca = cert_authority(ca_key);
	cert = ca ? cert_server(key, ca, ca_key, san.data) : NULL;
	ok = cert && cert_write(dir, "ca.pem", ca, NULL) &&
	     cert_write(dir, "cert.pem", cert, NULL) && cert_write(dir, "key.pem", NULL, key);
out:
	if (!ok)
		fprintf(stderr, "testcloud: cannot make a certificate for %s in %s\n",
			san.data ? san.data : "no name", dir);
	bytes_free(&san);
	X509_free(cert);
	X509_free(ca);
	EVP_PKEY_free(key);
	EVP_PKEY_free(ca_key);
	return ok;
}

/* Do the files in @dir belong together, and does the certificate name everything asked for? */
static bool cert_good(const char *dir, const char *const *name, size_t nr)
{
	static const char *const file[3] = {"ca.pem", "cert.pem", "key.pem"};
	X509 *cert[2] = {NULL, NULL};
	EVP_PKEY *key = NULL;
	bool ok = true;

	for (size_t i = 0; i < 3; i++) {
		char path[PATH_MAX];
		FILE *f = cert_path(path, dir, file[i]) ? fopen(path, "re") : NULL;

		if (!f) {
			ok = false;
			continue;
		}
		if (i < 2)
			cert[i] = PEM_read_X509(f, NULL, NULL, NULL);
		else
			key = PEM_read_PrivateKey(f, NULL, NULL, NULL);
		fclose(f);
	}
	ok = ok && cert[0] && cert[1] && key && X509_check_private_key(cert[1], key) == 1 &&
	     X509_verify(cert[1], X509_get0_pubkey(cert[0])) == 1;
	for (size_t i = 0; ok && i < nr; i++)
		ok = (cert_is_address(name[i])
			      ? X509_check_ip_asc(cert[1], name[i], 0)
			      : X509_check_host(cert[1], name[i], 0, 0, NULL)) == 1;
	X509_free(cert[0]);
	X509_free(cert[1]);
	EVP_PKEY_free(key);
	ERR_clear_error();
	return ok;
}

SSL_CTX *cert_context(const char *dir, const char *const *name, size_t nr)
{
	char cert[PATH_MAX], key[PATH_MAX];
	SSL_CTX *ctx;

	if (mkdir(dir, 0755) && errno != EEXIST) {
		fprintf(stderr, "testcloud: cannot make %s: %s\n", dir, strerror(errno));
		return NULL;
	}
	if (!cert_good(dir, name, nr) && !cert_make(dir, name, nr))
		return NULL;

	ctx = SSL_CTX_new(TLS_server_method());
	if (ctx && cert_path(cert, dir, "cert.pem") && cert_path(key, dir, "key.pem") &&
	    SSL_CTX_use_certificate_chain_file(ctx, cert) == 1 &&
	    SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) == 1 &&
	    SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) == 1) {
		SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE |
					      SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
		return ctx;
	}
	fprintf(stderr, "testcloud: cannot use the certificate in %s\n", dir);
	SSL_CTX_free(ctx);
	return NULL;
}
