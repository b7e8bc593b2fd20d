/* SPDX-License-Identifier: MIT */
/*
 * What a process of the agent counts.  One table: names appear like this in
 * JSON, in `stats.json` and in the documentation.
 */
#ifndef SLUICE_LIB_COUNTER_H
#define SLUICE_LIB_COUNTER_H

#include <stdint.h>

/* X(CONSTANT, name, help) */
#define COUNTERS(X)                                                                            \
	X(PACKETS, packets, "frames or data records read")                                     \
	X(PACKETS_UNDECODED, packets_undecoded, "frames of no known kind, or cut short")       \
	X(PACKETS_CUT, packets_cut, "frames captured with less than their length")             \
	X(DATAGRAMS, datagrams, "UDP datagrams read")                                          \
	X(DATAGRAMS_CUT, datagrams_cut,                                                        \
	  "UDP datagrams captured with less than their length: not read")                      \
	X(FRAGMENTS_DROPPED, fragments_dropped, "IP fragments given up: limit, time, overlap") \
	X(SESSIONS, sessions, "TCP and UDP sessions")                                          \
	X(SESSIONS_EXPECTED, sessions_expected, "of these, announced by another session")      \
	X(SESSIONS_HANDED_OVER, sessions_handed_over,                                          \
	  "changes of protocol within a session: CONNECT, Upgrade")                            \
	X(SESSIONS_TLS, sessions_tls, "sessions that were TLS, or became it: not readable")    \
	X(SESSIONS_TLS_NAMED, sessions_tls_named, "of these, with the name of a server (SNI)") \
	X(SESSIONS_QUIC, sessions_quic, "sessions that were QUIC: not readable")               \
	X(SESSIONS_LOGGED, sessions_logged, "TLS and QUIC sessions in the session log")        \
	X(SESSIONS_UNLOGGED, sessions_unlogged,                                                \
	  "TLS and QUIC sessions left out of it: too many a second, or the disk failed")       \
	X(SESSIONS_REFUSED, sessions_refused, "packets without a session: table full")         \
	X(SESSIONS_UNKNOWN, sessions_unknown, "sessions of no known protocol")                 \
	X(TCP_RETRANSMITTED, tcp_retransmitted, "bytes that came again")                       \
	X(TCP_CONFLICTS, tcp_conflicts, "bytes that came again with other content")            \
	X(TCP_OUT_OF_ORDER, tcp_out_of_order,                                                  \
	  "segments kept until the hole before them closed")                                   \
	X(TCP_GAPS, tcp_gaps, "holes given up")                                                \
	X(TCP_GAP_BYTES, tcp_gap_bytes, "bytes in these")                                      \
	X(RECORDS_BAD, records_bad, "ring records that made no sense")                         \
	X(RING_LOST_RECORDS, ring_lost_records, "records the ring had no room for")            \
	X(RING_LOST_BYTES, ring_lost_bytes, "their payload")                                   \
	X(HTTP_TRANSACTIONS, http_transactions, "HTTP request and response pairs")             \
	X(HTTP_ERRORS, http_errors, "HTTP streams given up")                                   \
	X(HTTP2_STREAMS, http2_streams, "HTTP/2 request and response pairs")                   \
	X(HTTP2_ERRORS, http2_errors, "times the place in an HTTP/2 connection was lost")      \
	X(HTTP2_LIMITS, http2_limits, "HTTP/2 streams or header fields past a limit")          \
	X(EXPECTATIONS, expectations, "sessions announced")                                    \
	X(EXPECTATIONS_EXPIRED, expectations_expired, "of these, that nobody opened in time")  \
	X(EXPECTATIONS_EVICTED, expectations_evicted, "of these, given up: too many at once")  \
	X(SHARED_EVICTED, shared_evicted, "states shared by sessions given up: too many")      \
	X(MAILS, mails, "mail messages")                                                       \
	X(MAIL_PARTS, mail_parts, "parts of these, leaves of the tree")                        \
	X(MAIL_ERRORS, mail_errors, "mail sessions given up")                                  \
	X(MAIL_LIMITS, mail_limits,                                                            \
	  "mails with parts too deep or too many, or headers too long")                        \
	X(MAIL_LINKS, mail_links, "links found in mails")                                      \
	X(MAIL_LINKS_CUT, mail_links_cut, "links left out: too many in a mail, or too long")   \
	X(MAIL_TEXTS, mail_texts, "texts of mails: left alone")                                \
	X(FTP_TRANSFERS, ftp_transfers, "FTP data connections with a file")                    \
	X(FTP_BOUNCES, ftp_bounces, "FTP data connections announced for another host")         \
	X(FTP_ERRORS, ftp_errors, "FTP control connections given up")                          \
	X(SMB_FILES, smb_files, "files opened over SMB")                                       \
	X(SMB_ENCRYPTED, smb_encrypted, "SMB messages that were encrypted: not readable")      \
	X(SMB_COMPRESSED, smb_compressed, "SMB messages that were compressed: not read")       \
	X(SMB_ERRORS, smb_errors, "SMB streams given up")                                      \
	X(SMB_LIMITS, smb_limits, "SMB requests and open files given up: too many at once")    \
	X(NFS_CALLS, nfs_calls, "NFS calls with their reply")                                  \
	X(NFS_ENCRYPTED, nfs_encrypted, "NFS calls that were encrypted: not readable")         \
	X(NFS_ERRORS, nfs_errors, "NFS streams given up")                                      \
	X(TFTP_TRANSFERS, tftp_transfers, "TFTP transfers")                                    \
	X(FILES, files, "files begun")                                                         \
	X(FILES_COMPLETE, files_complete, "files that were whole")                             \
	X(FILES_EMPTY, files_empty, "bodies of no bytes, not made into files")                 \
	X(LINKS_WITHHELD, links_withheld, "links not sent: the cloud's policy omits url")      \
	X(FORM_FIELDS, form_fields, "fields of forms that name no file: left alone")           \
	X(FILES_TRUNCATED_GAP, files_truncated_gap, "files with a hole")                       \
	X(FILES_TRUNCATED_LIMIT, files_truncated_limit, "files larger than the limit")         \
	X(FILES_TRUNCATED_TIMEOUT, files_truncated_timeout, "files whose session went idle")   \
	X(FILES_TRUNCATED_RESET, files_truncated_reset,                                        \
	  "files cut by the end of the connection")                                            \
	X(FILES_TRUNCATED_DECODE, files_truncated_decode, "files whose coding was broken")     \
	X(FILES_TRUNCATED_BOMB, files_truncated_bomb,                                          \
	  "files that grew past the decoding limits")                                          \
	X(FILES_TRUNCATED_SPOOL_FULL, files_truncated_spool_full, "files refused: spool full") \
	X(FILES_TRUNCATED_SPOOL_ERROR, files_truncated_spool_error,                            \
	  "files lost to a disk error")                                                        \
	X(FILES_TRUNCATED_PARTIAL, files_truncated_partial, "ranges of larger files")          \
	X(FILES_TRUNCATED_OPEN_FILES, files_truncated_open_files,                              \
	  "files refused: too many open")                                                      \
	X(FILES_TRUNCATED_CONFLICT, files_truncated_conflict,                                  \
	  "files of which bytes came twice with other content")                                \
	X(FILES_TRUNCATED_UNWANTED, files_truncated_unwanted,                                  \
	  "files that no rule wants: left out as soon as that was known")                      \
	X(FILES_TRUNCATED_ENCRYPTED, files_truncated_encrypted,                                \
	  "members of archives that need a password")                                          \
	X(ARCHIVES, archives, "ZIP archives taken apart")                                      \
	X(ARCHIVE_MEMBERS, archive_members, "files found in these")                            \
	X(ARCHIVES_ENCRYPTED, archives_encrypted, "archives that need a password")             \
	X(ARCHIVES_MULTI_PART, archives_multi_part, "volumes of archives")                     \
	X(ARCHIVES_BOMBS, archives_bombs, "archives past the decoding limits")                 \
	X(ARCHIVES_NESTED, archives_nested, "archives too deep in others: not taken apart")    \
	X(ARCHIVES_REFUSED, archives_refused,                                                  \
	  "archives not taken apart: too many waited for it, or the source ended")             \
	X(FILES_OVERSIZE, files_oversize,                                                      \
	  "files left out early: larger than the limit of any type they may be of")            \
	X(RANGES_JOINED, ranges_joined, "files put together from ranges")                      \
	X(RANGES_EVICTED, ranges_evicted, "such files given up: too many at once")             \
	X(BYTES_HASHED, bytes_hashed, "bytes of content hashed")                               \
	X(SAMPLES_NEW, samples_new, "samples written to the spool")                            \
	X(SAMPLES_KNOWN, samples_known, "samples that were in the spool already")              \
	X(SAMPLES_EVICTED, samples_evicted, "samples removed to make room")                    \
	X(SAMPLES_RESTORED, samples_restored, "samples seen again while being removed: kept")  \
	X(SAMPLES_MISSING, samples_missing, "sightings not sent: their sample was gone")       \
	X(SHUNTS, shunts, "sessions shunted")                                                  \
	X(SKIPS, skips, "times the kernel was asked to leave out what nobody wants")           \
	X(SKIP_BYTES, skip_bytes, "bytes it was asked to leave out")                           \
	X(SKIPPED_BYTES, skipped_bytes, "of these, that did not come")                         \
	X(SIGHTINGS, sightings, "sightings accepted by the supervisor")                        \
	X(SIGHTINGS_UNMATCHED, sightings_unmatched, "complete files that no rule wants")       \
	X(SIGHTINGS_OVERSIZE, sightings_oversize,                                              \
	  "complete files larger than the limit of their type: not sent")                      \
	X(SIGHTINGS_REPEATED, sightings_repeated, "sightings announced again after a restart") \
	X(MESSAGES_BAD, messages_bad, "messages of a peer process that were refused")          \
	X(ENVELOPES, envelopes, "envelopes made")                                              \
	X(ENVELOPES_REFUSED, envelopes_refused, "envelopes refused: no usable policy")         \
	X(REQUESTS, requests, "requests allowed to leave, each with a line in the ledger")     \
	X(REQUESTS_REFUSED, requests_refused,                                                  \
	  "requests not allowed to leave: policy became stricter, or is gone")                 \
	X(REQUESTS_REVOKED, requests_revoked,                                                  \
	  "requests ended under way: policy became stricter")                                  \
	X(LEDGER_FAILURES, ledger_failures,                                                    \
	  "requests not allowed to leave: the ledger could not be written")                    \
	X(LEDGER_RESULTS_LOST, ledger_results_lost,                                            \
	  "outcomes that are not in the ledger: it could not be written")                      \
	X(RECORDS_WRITTEN, records_written, "records that a log got: [log] of sluice.conf(5)") \
	X(RECORDS_DROPPED, records_dropped,                                                    \
	  "records that no log gets: as many as may wait for it did")                          \
	X(RECORDS_WITHHELD, records_withheld,                                                  \
	  "records that a log may not get: links, where its policy does not share url")        \
	X(LOG_BREAKS, log_breaks, "times a log could not be written, or its server was away")  \
	X(FIELDS_WITHHELD, fields_withheld,                                                    \
	  "fields left out because they carried an omitted value")                             \
	X(POLICY_KEYS_MISSING, policy_keys_missing,                                            \
	  "fields omitted because their key could not be read")                                \
	X(QUEUED, queued, "submissions accepted into the queue")                               \
	X(SUBMITTED, submitted, "samples uploaded")                                            \
	X(KNOWN, known, "samples not uploaded: the cloud knows them")                          \
	X(VERDICTS, verdicts, "verdicts that came after the end of their submission")          \
	X(VERDICTS_LATE, verdicts_late, "samples whose verdict is not waited for any more")    \
	X(FAILED, failed, "submissions given up: the cloud refused them")                      \
	X(RETRIES, retries, "attempts that will be repeated")                                  \
	X(QUOTAS_USED_UP, quotas_used_up, "times a quota of a cloud was used up")              \
	X(CLOUD_PAUSES, cloud_pauses, "times a cloud asked to be left alone for a while")      \
	X(NAMESPACES_GONE, namespaces_gone, "captured namespaces that went away")              \
	X(CONTROL_REQUESTS, control_requests, "requests on the control socket")                \
	X(CONTROL_REFUSED, control_refused,                                                    \
	  "connections to it refused: not allowed, or too many")                               \
	X(CONTROL_DROPPED, control_dropped,                                                    \
	  "connections to it given up: idle, not read from, or too long a request")            \
	X(METRICS_REQUESTS, metrics_requests, "requests for metrics that were answered")       \
	X(METRICS_DROPPED, metrics_dropped,                                                    \
	  "connections for metrics given up: too many, too slow, too long a request")          \
	X(USERS_LOGINS, users_logins, "mappings of users to addresses, begun or renewed")      \
	X(USERS_FOUND, users_found, "sightings whose user was known by address or uid")        \
	X(USERS_REFUSED, users_refused, "changes of users refused: no room for them")          \
	X(USERS_EVICTED, users_evicted, "mappings that had ended forgotten early: no room")    \
	X(CLOUD_ANSWERS_BAD, cloud_answers_bad,                                                \
	  "answers of a cloud that could not be understood")

enum counter {
#define COUNTER_ENUM(id, name, help) COUNTER_##id,
	COUNTERS(COUNTER_ENUM)
#undef COUNTER_ENUM
		COUNTER_COUNT
};

struct counters {
	uint64_t value[COUNTER_COUNT];
};

const char *counter_name(enum counter c);
const char *counter_help(enum counter c);
/* COUNTER_COUNT when the name is none. */
enum counter counter_find(const char *name);

static inline void counter_add(struct counters *c, enum counter which, uint64_t n)
{
	c->value[which] += n;
}

#endif
