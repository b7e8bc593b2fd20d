// SPDX-License-Identifier: MIT
/* [cloud]: how it is reached, and by which certificate and key both ends are known. */
#include "supervisor/config_parse.h"

#include <curl/curl.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define PIN "sha256//"
#define PIN_BYTES (sizeof(PIN) - 1 + 44) /* with the hash in Base64 */

static X509 *read_certificate(const char *pem)
{
	BIO *bio = BIO_new_mem_buf(pem, -1);
	X509 *certificate = bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;

	BIO_free(bio);
	return certificate;
}

/* Nobody is asked for a pass phrase. */
static int no_phrase(char *buf, int size, int writing, void *arg)
{
	(void)buf, (void)size, (void)writing, (void)arg;
	return -1;
}

static EVP_PKEY *read_key(const char *pem)
{
	BIO *bio = BIO_new_mem_buf(pem, -1);
	EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, no_phrase, NULL) : NULL;

	BIO_free(bio);
	return key;
}

void config_set_certificate(struct parse *p, const struct key *k, void *base, const char *value)
{
	char **text = (char **)((char *)base + k->offset);
	struct stat st;
	char *pem = config_read_text(p, k, value, k->max, &st);
	X509 *certificate = pem ? read_certificate(pem) : NULL;

	if (certificate) {
		free(*text);
		*text = pem;
	} else if (pem) {
		config_bad(p, "%s: %s: expected a certificate in PEM form", k->name, value);
		free(pem);
	}
	X509_free(certificate);
}

void config_set_certificate_key(struct parse *p, const struct key *k, void *base,
				const char *value)
{
	char **text = (char **)((char *)base + k->offset);
	struct stat st;
	char *pem = config_read_text(p, k, value, k->max, &st);
	EVP_PKEY *key = pem ? read_key(pem) : NULL;

	if (pem && (st.st_mode & S_IROTH))
		config_warn_at(p, p->line, "%s: everybody can read %s: expected mode 0600",
			       k->name, value);
	if (key) {
		free(*text);
		*text = pem;
	} else if (pem) {
		config_bad(p,
			   "%s: %s: expected a private key in PEM form, without a pass phrase",
			   k->name, value);
		explicit_bzero(pem, strlen(pem));
		free(pem);
	}
	EVP_PKEY_free(key);
}

static bool has(CURLU *url, CURLUPart part)
{
	char *text = NULL;
	bool there = curl_url_get(url, part, &text, 0) == CURLUE_OK;

	curl_free(text);
	return there;
}

static bool proxy_scheme(CURLU *url)
{
	static const char *const schemes[] = {"http", "https", "socks5", "socks5h"};
	char *scheme = NULL;
	bool known = false;

	if (curl_url_get(url, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK)
		return false;
	for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++)
		known = known || strcmp(scheme, schemes[i]) == 0;
	curl_free(scheme);
	return known;
}

/* The value is not shown where it may hold a password. */
void config_set_proxy(struct parse *p, const struct key *k, void *base, const char *value)
{
	CURLU *url = curl_url();

	if (!url || curl_url_set(url, CURLUPART_URL, value, CURLU_NON_SUPPORT_SCHEME) ||
	    !proxy_scheme(url))
		config_bad(p,
			   "%s: expected a URL that begins with http://, https://, socks5:// "
			   "or socks5h://",
			   k->name);
	else if (has(url, CURLUPART_USER) || has(url, CURLUPART_PASSWORD))
		config_bad(p, "%s: expected no user name and no password in it", k->name);
	else
		config_set_text(p, k, base, value);
	curl_url_cleanup(url);
}

void config_set_pinned(struct parse *p, const struct key *k, void *base, const char *value)
{
	const char *at = value;
	size_t n;

	do {
		n = strcspn(at, ";");
		if (n != PIN_BYTES || strncmp(at, PIN, sizeof(PIN) - 1) != 0 ||
		    at[PIN_BYTES - 1] != '=') {
			config_bad(p,
				   "%s: '%s': expected sha256//HASH, the SHA-256 of a public "
				   "key in Base64, or several with ; between",
				   k->name, value);
			return;
		}
		at += n + 1;
	} while (at[-1]);
	config_set_text(p, k, base, value);
}

static bool fits(const char *certificate, const char *key)
{
	X509 *x = read_certificate(certificate);
	EVP_PKEY *k = read_key(key);
	bool ok = x && k && X509_check_private_key(x, k) == 1;

	X509_free(x);
	EVP_PKEY_free(k);
	return ok;
}

void config_finish_identity(struct parse *p, int line, const char *section, const char *name,
			    const char *certificate, const char *key)
{
	/* What is only shown may lack what cannot be read. */
	if (!p->shown && !certificate != !key)
		config_bad_at(p, line,
			      "[%s %s]: expected client_certificate and client_key, both or "
			      "neither",
			      section, name);
	else if (certificate && key && !fits(certificate, key))
		config_bad_at(p, line,
			      "[%s %s]: client_key is not the key of client_certificate",
			      section, name);
}

void config_finish_tls(struct parse *p, const struct cloud_config *cloud)
{
	bool plain = cloud->url && strncasecmp(cloud->url, "http:", 5) == 0;

	config_finish_identity(p, cloud->line, "cloud", cloud->name, cloud->certificate,
			       cloud->certificate_key);
	if (plain && (cloud->certificate || cloud->pinned))
		config_bad_at(p, cloud->line,
			      "[cloud %s]: client_certificate and pinned_key need an https:// "
			      "url",
			      cloud->name);
}
