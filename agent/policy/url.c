// SPDX-License-Identifier: MIT
#include "policy/url.h"

#include "policy/text.h"

#include <arpa/inet.h>
#include <string.h>

/* Bytes of a scheme with its "://" or of "//" alone; 0: none. */
static size_t scheme_length(const char *p, size_t n)
{
	size_t i = 0;

	while (i < n &&
	       ((p[i] >= 'a' && p[i] <= 'z') || (p[i] >= 'A' && p[i] <= 'Z') ||
		(p[i] >= '0' && p[i] <= '9') || p[i] == '+' || p[i] == '-' || p[i] == '.'))
		i++;
	if (i > 0 && n - i >= 3 && memcmp(p + i, "://", 3) == 0)
		return i + 3;
	return n >= 2 && memcmp(p, "//", 2) == 0 ? 2 : 0;
}

static size_t length_until(const char *p, size_t n, const char *set)
{
	size_t i = 0;

	while (i < n && !strchr(set, p[i]))
		i++;
	return i;
}

void url_split(const char *p, size_t n, struct url_parts *u)
{
	size_t scheme = scheme_length(p, n), authority, host;
	const char *at;

	memset(u, 0, sizeof(*u));
	u->scheme = (struct url_part){p, scheme};
	p += scheme;
	n -= scheme;
	/* Without a scheme: a path, or the authority of a CONNECT. */
	authority = length_until(p, n, "/?#\\");
	u->rest = (struct url_part){p + authority, n - authority};

	at = authority ? memrchr(p, '@', authority) : NULL;
	if (at) {
		u->has_userinfo = true;
		u->userinfo = (struct url_part){p, (size_t)(at - p)};
		authority -= (size_t)(at + 1 - p);
		p = at + 1;
	}
	host = authority && p[0] == '[' ? length_until(p, authority, "]") : 0;
	host += length_until(p + host, authority - host, ":");
	u->host = (struct url_part){p, host};
	if (host < authority) {
		u->has_port = true;
		u->port = (struct url_part){p + host + 1, authority - host - 1};
	}
}

bool url_host_address(struct url_part host, struct endpoint *address)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	char text[INET_TEXT_MAX * 3], plain[sizeof(text)];
	struct in_addr v4;
	struct in6_addr v6;
	size_t n;

	memset(address, 0, sizeof(*address));
	if (host.n && host.p[0] == '[') {
		host.p++;
		host.n--;
		if (host.n && host.p[host.n - 1] == ']')
			host.n--;
	}
	if (host.n == 0 || host.n >= sizeof(text))
		return false;
	n = text_percent_decode(host.p, host.n, NULL, text, NULL);
	memcpy(plain, text, n);
	plain[n] = '\0';
	if (strlen(plain) != n)
		return false;
	plain[strcspn(plain, "%")] = '\0'; /* zone of a link-local address */
	n = strlen(plain);
	if (n && plain[n - 1] == '.')
		plain[n - 1] = '\0';

	if (inet_pton(AF_INET6, plain, &v6) == 1) {
		if (memcmp(&v6, mapped, sizeof(mapped)) == 0) {
			address->family = AF_INET;
			memcpy(address->ip, (uint8_t *)&v6 + 12, 4);
		} else {
			address->family = AF_INET6;
			memcpy(address->ip, &v6, 16);
		}
		return true;
	}
	/* inet_aton() stops at white space and takes what is before it. */
	if (plain[strcspn(plain, " \t\r\n\v\f")] == '\0' && inet_aton(plain, &v4)) {
		address->family = AF_INET;
		memcpy(address->ip, &v4, 4);
		return true;
	}
	return false;
}
