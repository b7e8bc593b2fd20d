/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Records of a session, from its state and a packet into its ring.
 */
#ifndef _SLUICE_RECORD_H
#define _SLUICE_RECORD_H

#include "hook.h"
#include "session.h"

/*
 * Fills in what the first packet tells about a session: everything of
 * session->record but the id of a related session.  Under RCU.
 */
void sluice_record_describe(struct sluice_session *session, const struct sluice_packet *packet);

/* Has @ct the ends that the session's record tells of?  Its original tuple is the same. */
bool sluice_record_fits(const struct sluice_session *session, const struct nf_conn *ct);

/*
 * Reserves the record of a packet of which @length bytes of payload are wanted, from the
 * one with the sequence number @sequence on.
 * Puts the SESSION record in front if that is still to come.  Returns NULL when
 * it is lost, which has been counted then.  The caller holds session->lock.
 */
struct sluice_record_data *sluice_record_reserve(struct sluice_session *session,
						 const struct sluice_packet *packet,
						 u32 sequence, u32 length);

/* Copies the payload and commits.  The caller does not hold session->lock, but RCU. */
void sluice_record_finish(struct sluice_session *session, const struct sluice_packet *packet,
			  struct sluice_record_data *record);

/* What an END record would say now.  The caller holds session->lock. */
void sluice_record_summary(const struct sluice_session *session, u32 reason,
			   struct sluice_record_end *end);

/*
 * Writes the END record if the reader knows the session.  The caller holds
 * session->lock.
 */
void sluice_record_end(struct sluice_session *session, const struct sluice_record_end *end);

#endif /* _SLUICE_RECORD_H */
