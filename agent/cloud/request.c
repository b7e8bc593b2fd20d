// SPDX-License-Identifier: MIT
#include "cloud/request.h"

#include <curl/curl.h>
#include <errno.h>
#include <linux/sluice.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HEAD_MAX 16384
#define CHUNK 65536
#define BOUNDARY_BYTES 16 /* of the hash it is made of */

void request_init(struct request *r)
{
	*r = (struct request){.sample = -1};
	buf_init(&r->url, REQUEST_URL_MAX);
	buf_init(&r->headers, HEAD_MAX);
	buf_init(&r->head, HEAD_MAX);
	buf_init(&r->before, REQUEST_TEXT_MAX);
	buf_init(&r->after, REQUEST_TEXT_MAX);
}

static void free_secret(struct buf *b)
{
	if (b->data)
		explicit_bzero(b->data, b->len);
	buf_free(b);
}

void request_free(struct request *r)
{
	buf_free(&r->url);
	free_secret(&r->headers);
	free_secret(&r->head);
	free_secret(&r->before);
	buf_free(&r->after);
}

void request_begin(struct request *r, const char *method, const char *url, const char *path)
{
	r->method = method;
	buf_reset(&r->url);
	buf_reset(&r->headers);
	buf_reset(&r->head);
	buf_reset(&r->before);
	buf_reset(&r->after);
	r->type[0] = r->boundary[0] = '\0';
	r->sample = -1;
	r->sample_size = 0;
	r->head_secret = r->secret = (struct request_secret){0};
	r->envelope = r->local = r->sigv4 = false;
	r->bytes = r->at = 0;
	buf_printf(&r->url, "%s%s", url, path);
}

/* Adds a text, and says where it stands when it is a secret. */
static void add_secret(struct buf *b, const char *text, bool secret,
		       struct request_secret *where)
{
	if (secret)
		*where = (struct request_secret){b->len, strlen(text)};
	buf_add_string(b, text);
}

void request_header(struct request *r, const char *name, const char *prefix, const char *value,
		    bool secret)
{
	buf_printf(&r->headers, "%s: %s", name, prefix);
	add_secret(&r->headers, value, secret, &r->head_secret);
	buf_add_string(&r->headers, "\r\n");
}

void request_sign(struct request *r)
{
	r->sigv4 = true;
}

/* -------------------------------------------------------------------- body */

static void add_content(struct request *r, const char *text, int fd, uint64_t size)
{
	if (text) {
		buf_add_string(&r->before, text);
	} else {
		r->sample = fd;
		r->sample_size = size;
	}
}

void request_body(struct request *r, const char *type, const char *text, int fd, uint64_t size)
{
	snprintf(r->type, sizeof(r->type), "%s", type);
	add_content(r, text, fd, size);
}

static void add_escaped(struct buf *b, const char *text)
{
	char *escaped = curl_easy_escape(NULL, text, 0);

	if (!escaped || !buf_add_string(b, escaped))
		b->failed = true;
	curl_free(escaped);
}

void request_form(struct request *r, const char *key, const char *const *pairs)
{
	struct buf *b = &r->before;

	snprintf(r->type, sizeof(r->type), "application/x-www-form-urlencoded");
	buf_add_string(b, "apikey=");
	r->secret.at = b->len;
	add_escaped(b, key);
	r->secret.size = b->len - r->secret.at;
	for (size_t i = 0; pairs[i]; i += 2) {
		buf_printf(b, "&%s=", pairs[i]);
		add_escaped(b, pairs[i + 1]);
	}
}

static bool make_boundary(struct request *r, const struct cloud_submission *s)
{
	static const char label[] = "sluice multipart boundary";
	uint8_t seed[sizeof(label) + SHA256_SIZE + SIGHTING_ID_SIZE], hash[SHA256_SIZE];
	size_t n;

	memcpy(seed, label, sizeof(label));
	memcpy(seed + sizeof(label), s->sha256, SHA256_SIZE);
	memcpy(seed + sizeof(label) + SHA256_SIZE, s->id, SIGHTING_ID_SIZE);
	if (!EVP_Digest(seed, sizeof(seed), hash, NULL, EVP_sha256(), NULL))
		return false;
	n = (size_t)snprintf(r->boundary, sizeof(r->boundary), "sluice-");
	for (size_t i = 0; i < BOUNDARY_BYTES; i++)
		n += (size_t)snprintf(r->boundary + n, sizeof(r->boundary) - n, "%02x",
				      hash[i]);
	snprintf(r->type, sizeof(r->type), "multipart/form-data; boundary=%s", r->boundary);
	return true;
}

void request_multipart(struct request *r, const struct cloud_submission *s)
{
	if (!make_boundary(r, s))
		r->before.failed = true;
}

void request_value(struct request *r, const char *name, const char *value, bool secret)
{
	struct buf *b = &r->before;

	buf_printf(b, "--%s\r\nContent-Disposition: form-data; name=\"%s\"\r\n\r\n",
		   r->boundary, name);
	add_secret(b, value, secret, &r->secret);
	buf_add_string(b, "\r\n");
}

static void add_filename(struct buf *b, const char *name)
{
	for (const char *c = name; *c; c++) {
		if (*c == '"' || *c == '\r' || *c == '\n')
			buf_printf(b, "%%%02X", (unsigned char)*c);
		else
			buf_add(b, (unsigned char)*c < ' ' || *c == 0x7f ? "_" : c, 1);
	}
}

void request_sample(struct request *r, const char *name, const char *filename, int fd,
		    uint64_t size)
{
	struct buf *b = &r->before;

	buf_printf(b, "--%s\r\nContent-Disposition: form-data; name=\"%s\"", r->boundary, name);
	if (filename) {
		buf_add_string(b, "; filename=\"");
		add_filename(b, filename);
		buf_add_string(b, "\"\r\nContent-Type: application/octet-stream");
	}
	buf_add_string(b, "\r\n\r\n");
	r->sample = fd;
	r->sample_size = size;
	buf_add_string(&r->after, "\r\n");
}

void request_text_file(struct request *r, const char *name, const char *filename,
		       const char *text)
{
	buf_printf(&r->before,
		   "--%s\r\nContent-Disposition: form-data; name=\"%s\"; filename=\"%s\"\r\n"
		   "Content-Type: text/plain\r\n\r\n",
		   r->boundary, name, filename);
	buf_add_string(&r->before, text);
	buf_add_string(&r->before, "\r\n");
}

void request_envelope(struct request *r, const char *name, const char *json)
{
	buf_printf(&r->after,
		   "--%s\r\nContent-Disposition: form-data; name=\"%s\"\r\n"
		   "Content-Type: application/json\r\n\r\n",
		   r->boundary, name);
	buf_add_string(&r->after, json);
	buf_add_string(&r->after, "\r\n");
	r->envelope = true;
}

/* ------------------------------------------------------------------- files */

void request_local(struct request *r, const char *path)
{
	request_begin(r, "WRITE", path, "");
	r->local = true;
}

void request_file(struct request *r, const char *name, const char *text, int fd, uint64_t size)
{
	const char *path = buf_string(&r->url);

	add_content(r, text, fd, size);
	buf_printf(&r->head, "%s/%s: %llu bytes\r\n", path, name,
		   text ? (unsigned long long)strlen(text) : (unsigned long long)size);
}

/* -------------------------------------------------------------------- head */

/* Request line and Host, from the URL as libcurl takes it apart; false: it cannot be. */
static bool begin_head(struct request *r)
{
	char *host = NULL, *port = NULL, *path = NULL;
	CURLU *url = curl_url();
	bool ok;

	ok = url && !curl_url_set(url, CURLUPART_URL, buf_string(&r->url), 0) &&
	     !curl_url_get(url, CURLUPART_HOST, &host, CURLU_PUNYCODE) &&
	     !curl_url_get(url, CURLUPART_PATH, &path, 0);
	/* The scheme's own port is not named. */
	if (ok)
		curl_url_get(url, CURLUPART_PORT, &port, CURLU_NO_DEFAULT_PORT);
	if (ok)
		buf_printf(&r->head, "%s %s HTTP/1.1\r\nHost: %s%s%s\r\n", r->method, path,
			   host, port ? ":" : "", port ? port : "");
	curl_free(host);
	curl_free(port);
	curl_free(path);
	curl_url_cleanup(url);
	return ok;
}

/* libcurl sends these very lines. */
static bool make_head(struct request *r)
{
	char hash[SHA256_TEXT];

	if (!begin_head(r))
		return false;
	buf_add_string(&r->head, "User-Agent: sluice/" SLUICE_VERSION "\r\nAccept: */*\r\n");
	if (r->head_secret.size)
		r->head_secret.at += r->head.len;
	buf_add(&r->head, r->headers.data, r->headers.len);
	if (r->sigv4)
		buf_printf(&r->head, "x-amz-content-sha256: %s\r\n",
			   sha256_text(r->sha256, hash));
	if (r->type[0])
		buf_printf(&r->head, "Content-Type: %s\r\nContent-Length: %llu\r\n", r->type,
			   (unsigned long long)r->bytes);
	buf_add_string(&r->head, "\r\n");
	return true;
}

/* --------------------------------------------------------------------- end */

/* The bytes of the body from `at`, as far as one segment has them. */
static ssize_t body_read(const struct request *r, uint64_t at, void *p, size_t n)
{
	uint64_t sample_end = r->before.len + r->sample_size;
	const struct buf *b = &r->before;
	ssize_t got;

	if (at >= r->before.len && at < sample_end) {
		if (n > sample_end - at)
			n = (size_t)(sample_end - at);
		do {
			got = pread(r->sample, p, n, (off_t)(at - r->before.len));
		} while (got < 0 && errno == EINTR);
		if (got)
			return got;
		errno = ENODATA;
		return -1;
	}
	if (at >= sample_end) {
		b = &r->after;
		at -= sample_end;
	}
	if (n > b->len - at)
		n = (size_t)(b->len - at);
	if (n)
		memcpy(p, b->data + at, n);
	return (ssize_t)n;
}

static bool hash_body(struct request *r)
{
	EVP_MD_CTX *hash = EVP_MD_CTX_new();
	uint8_t *chunk = malloc(CHUNK);
	uint64_t at = 0;
	ssize_t n = 0;
	bool ok;

	errno = ENOMEM;
	ok = hash && chunk && EVP_DigestInit_ex(hash, EVP_sha256(), NULL);
	while (ok && (n = body_read(r, at, chunk, CHUNK)) > 0) {
		ok = EVP_DigestUpdate(hash, chunk, (size_t)n);
		at += (uint64_t)n;
	}
	ok = ok && !n && EVP_DigestFinal_ex(hash, r->sha256, NULL);
	EVP_MD_CTX_free(hash);
	if (chunk)
		explicit_bzero(chunk, CHUNK); /* the key was in it */
	free(chunk);
	return ok;
}

bool request_end(struct request *r, const char **problem)
{
	if (r->boundary[0])
		buf_printf(&r->after, "--%s--\r\n", r->boundary);
	r->bytes = r->before.len + r->sample_size + r->after.len;
	r->at = 0;
	*problem = "out of memory";
	if (r->url.failed || r->headers.failed || r->before.failed || r->after.failed)
		return false;
	if (!hash_body(r)) {
		*problem = errno == ENODATA ? "the sample is shorter than it was"
					    : strerror(errno);
		return false;
	}
	if (r->local) {
		buf_add_string(&r->head, "\r\n");
	} else if (!make_head(r)) {
		*problem = "its URL is not understood";
		return false;
	}
	return !r->head.failed;
}

ssize_t request_read(struct request *r, void *p, size_t n)
{
	ssize_t got = body_read(r, r->at, p, n);

	if (got > 0)
		r->at += (uint64_t)got;
	return got;
}

/* ------------------------------------------------------------------- print */

static bool print_sample(const struct request *r, FILE *f)
{
	uint64_t at = r->before.len, end = at + r->sample_size;
	uint8_t chunk[4096];

	while (at < end) {
		size_t want = end - at < sizeof(chunk) ? (size_t)(end - at) : sizeof(chunk);
		ssize_t n = body_read(r, at, chunk, want);

		if (n < 0 || fwrite(chunk, 1, (size_t)n, f) != (size_t)n)
			return false;
		at += (uint64_t)n;
	}
	return true;
}

#define AT_SENDING "(made when it is sent)\r\n"

/* libcurl puts the signature behind Host, and its Expect behind all others. */
static char *signed_head_text(const struct request *r)
{
	const char *head = (const char *)r->head.data, *host = strstr(head, "\r\n") + 2;
	int before = (int)(strstr(host, "\r\n") + 2 - head), all = (int)r->head.len - 2;
	char *text = NULL;

	if (asprintf(&text,
		     "%.*sAuthorization: AWS4-HMAC-SHA256 " AT_SENDING "X-Amz-Date: " AT_SENDING
		     "%.*s%s\r\n",
		     before, head, all - before, head + before,
		     r->type[0] ? "Expect: 100-continue\r\n" : "") < 0)
		return NULL;
	return text;
}

char *request_head_text(const struct request *r)
{
	char *text;

	if (r->sigv4)
		return signed_head_text(r);
	text = strndup((const char *)r->head.data, r->head.len);
	if (text)
		memset(text + r->head_secret.at, '*', r->head_secret.size);
	return text;
}

static void print_buf(const struct buf *b, const struct request_secret *secret, FILE *f)
{
	size_t end = secret->at + secret->size;

	if (secret->size) {
		fwrite(b->data, 1, secret->at, f);
		for (size_t i = 0; i < secret->size; i++)
			putc('*', f);
	} else {
		end = 0;
	}
	if (b->len > end)
		fwrite(b->data + end, 1, b->len - end, f);
}

bool request_print(const struct request *r, FILE *f, bool raw)
{
	char *head = request_head_text(r);

	if (!head)
		return false;
	fputs(head, f);
	free(head);
	print_buf(&r->before, &r->secret, f);
	if (raw && !print_sample(r, f))
		return false;
	if (!raw && r->sample >= 0)
		fprintf(f, "[%llu bytes of the sample]", (unsigned long long)r->sample_size);
	if (r->after.len)
		fwrite(r->after.data, 1, r->after.len, f);
	return !ferror(f);
}
