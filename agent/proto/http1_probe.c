// SPDX-License-Identifier: MIT
/*
 * What the first bytes of a direction look like to HTTP/1.
 */
#include "proto/http1.h"

#include <string.h>
#include <strings.h>

static bool is_token(uint8_t c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
	       (c && strchr("!#$%&'*+-.^_`|~", c));
}

/* The methods of RFC 9110, WebDAV and what is seen beside them. */
static bool is_method(const uint8_t *p, size_t n)
{
	static const char *const methods[] = {
		"GET",
		"HEAD",
		"POST",
		"PUT",
		"DELETE",
		"CONNECT",
		"OPTIONS",
		"TRACE",
		"PATCH",
		"PROPFIND",
		"PROPPATCH",
		"MKCOL",
		"COPY",
		"MOVE",
		"LOCK",
		"UNLOCK",
		"VERSION-CONTROL",
		"CHECKOUT",
		"UNCHECKOUT",
		"CHECKIN",
		"UPDATE",
		"LABEL",
		"REPORT",
		"MKWORKSPACE",
		"MKACTIVITY",
		"BASELINE-CONTROL",
		"MERGE",
		"SEARCH",
		"BITS_POST",
		"CCM_POST",
		"RPC_IN_DATA",
		"RPC_OUT_DATA",
		"SUBSCRIBE",
		"UNSUBSCRIBE",
		"NOTIFY",
		"POLL",
		"BDELETE",
		"BMOVE",
		"BCOPY",
		"BPROPPATCH",
		"BPROPFIND",
		"X-MS-ENUMATTS",
		"INVOKE",
		"MSEARCH",
		"PURGE",
		"SOURCE",
		"LINK",
		"UNLINK",
		"ACL",
		"BIND",
		"REBIND",
		"UNBIND",
		"MKCALENDAR",
		"QUERY",
	};

	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
		if (strlen(methods[i]) == n && !memcmp(p, methods[i], n))
			return true;
	return false;
}

/* Line breaks before a message are passed over, as servers do. */
static size_t blanks(const uint8_t *p, size_t n)
{
	size_t i = 0;

	while (i < n && (p[i] == '\r' || p[i] == '\n' || p[i] == ' ' || p[i] == '\t'))
		i++;
	return i;
}

enum probe http1_is_request(const uint8_t *p, size_t n)
{
	size_t i = blanks(p, n), from = i;

	while (i < n && i - from < 32 && is_token(p[i]))
		i++;
	if (i == n)
		return PROBE_MORE;
	if (i == from || (p[i] != ' ' && p[i] != '\t'))
		return PROBE_NO;
	/* The first word of HTTP/2, chosen so that nobody takes it for a method. */
	if (i - from == 3 && !memcmp(p + from, "PRI", 3))
		return PROBE_NO;
	if (is_method(p + from, i - from))
		return PROBE_YES;
	/* A method nobody knows: the line must say what it is. */
	for (; i < n && p[i] != '\n'; i++)
		if (n - i > 5 && p[i] == ' ' && !memcmp(p + i + 1, "HTTP/", 5))
			return PROBE_YES;
	return i < n ? PROBE_NO : PROBE_MORE;
}

enum probe http1_is_response(const uint8_t *p, size_t n)
{
	size_t i = blanks(p, n);
	size_t len = n - i < 5 ? n - i : 5;

	if (len && strncasecmp((const char *)p + i, "HTTP/", len))
		return PROBE_NO;
	return len < 5 ? PROBE_MORE : PROBE_YES;
}

/* A head's verdict; nothing more to come turns "more" into "no". */
static enum probe settled(enum probe r, const struct proto_head *head)
{
	return r == PROBE_MORE && head->whole ? PROBE_NO : r;
}

enum probe http1_probe(const struct proto_head head[DIR_COUNT])
{
	enum probe request[DIR_COUNT], response[DIR_COUNT];
	bool more = false;

	for (int d = 0; d < DIR_COUNT; d++) {
		request[d] = settled(http1_is_request(head[d].p, head[d].n), &head[d]);
		response[d] = settled(http1_is_response(head[d].p, head[d].n), &head[d]);
	}
	for (int d = 0; d < DIR_COUNT; d++) {
		if (request[d] == PROBE_YES)
			return PROBE_YES;
		/*
		 * An answer alone: its request, seen late, would be taken for the
		 * next one's, so it is waited for as long as there is room.
		 */
		if (response[d] == PROBE_YES && request[dir_other(d)] == PROBE_NO)
			return PROBE_YES;
		if (response[d] == PROBE_YES || request[d] == PROBE_MORE ||
		    response[d] == PROBE_MORE)
			more = true;
	}
	return more ? PROBE_MORE : PROBE_NO;
}
