/*
 * requeue.c
 *		Rejected messages that are to be parsed again.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "catalog/requeue.h"
#include "catalog/spi.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

static SiStatement requested = {
	"SELECT r.request_id, r.rejected_to FROM stream_ingest.request r JOIN stream_ingest.install i ON r.install = i.uuid"
	" WHERE r.supervisor_id = $1 AND r.verb = 'requeue' ORDER BY r.request_id LIMIT 1",
	1, {TEXTOID}
};

static SiStatement next_messages = {
	"SELECT m.rejected_id, m.topic, m.partition, m.\"offset\", m.payload FROM stream_ingest.rejected_message m"
	" JOIN stream_ingest.install i ON m.install = i.uuid"
	" WHERE m.supervisor_id = $1 AND m.rejected_id > $2 AND m.rejected_id <= $3 AND m.error_type = 'unparseable'"
	" AND m.payload IS NOT NULL AND pg_catalog.length(m.payload) = m.payload_bytes ORDER BY m.rejected_id LIMIT $4",
	4, {TEXTOID, INT8OID, INT8OID, INT8OID}
};

static SiStatement done = {
	"DELETE FROM stream_ingest.request WHERE request_id = $1", 1, {INT8OID}
};

bool
si_requeue_requested(const char *supervisor_id, int64 *request_id, int64 *to)
{
	MemoryContext caller = CurrentMemoryContext;
	Datum		arg;
	bool		found;

	si_spi_begin();
	arg = CStringGetTextDatum(supervisor_id);
	found = si_spi_run(&requested, &arg, NULL, SPI_OK_SELECT) > 0;
	if (found)
	{
		*request_id = si_spi_int8(0, 1);
		*to = si_spi_int8(0, 2);
	}
	si_spi_commit();
	MemoryContextSwitchTo(caller);
	return found;
}

int
si_requeue_next(const char *supervisor_id, int64 after, int64 to, int max, SiRequeued **messages)
{
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext spi;
	Datum		args[4];
	int			n;

	si_spi_begin();
	args[0] = CStringGetTextDatum(supervisor_id);
	args[1] = Int64GetDatum(after);
	args[2] = Int64GetDatum(to);
	args[3] = Int64GetDatum(max);
	n = (int) si_spi_run(&next_messages, args, NULL, SPI_OK_SELECT);
	spi = MemoryContextSwitchTo(caller);
	*messages = palloc(sizeof(SiRequeued) * Max(n, 1));
	for (int i = 0; i < n; i++)
	{
		SiRequeued *m = &(*messages)[i];
		bool		isnull;
		bytea	   *payload = DatumGetByteaPCopy(si_spi_value(i, 5, &isnull));

		m->rejected_id = si_spi_int8(i, 1);
		m->topic = si_spi_text(i, 2, caller);
		m->number = si_spi_int4(i, 3);
		m->offset = si_spi_int8(i, 4);
		m->payload = VARDATA_ANY(payload);
		m->len = VARSIZE_ANY_EXHDR(payload);
	}
	MemoryContextSwitchTo(spi);
	si_spi_commit();
	MemoryContextSwitchTo(caller);
	return n;
}

void
si_requeue_done(int64 request_id)
{
	MemoryContext caller = CurrentMemoryContext;
	Datum		arg = Int64GetDatum(request_id);

	si_spi_begin();
	si_spi_run(&done, &arg, NULL, SPI_OK_DELETE);
	si_spi_commit();
	MemoryContextSwitchTo(caller);
}
