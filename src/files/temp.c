/*
 * temp.c
 *		Temporary files of merges: PostgreSQL's own, below the temporary
 *		tablespaces, bounded by temp_file_limit.
 *
 * They outlive transactions and go with the process, or with the memory
 * context in which they were made; what a crash leaves PostgreSQL removes
 * when it starts.
 */
#include "postgres.h"

#include "files/files.h"
#include "miscadmin.h"
#include "storage/buffile.h"

typedef struct TempFile
{
	BufFile    *file;
	uint64		size;
	bool		at_end;			/* the next write goes there */
	MemoryContextCallback on_reset;
} TempFile;

static void
close_temp(void *arg)
{
	TempFile   *t = arg;

	if (t->file)
		BufFileClose(t->file);
	t->file = NULL;
}

static void *
create_temp(void *arg)
{
	TempFile   *t = palloc0(sizeof(TempFile));

	t->file = BufFileCreateTemp(true);
	t->at_end = true;
	t->on_reset.func = close_temp;
	t->on_reset.arg = t;
	MemoryContextRegisterResetCallback(CurrentMemoryContext, &t->on_reset);
	return t;
}

static void
go_to(TempFile *t, uint64 offset)
{
	if (BufFileSeek(t->file, 0, (off_t) offset, SEEK_SET) != 0)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not seek in a temporary file of a merge to byte " UINT64_FORMAT ": %m", offset)));
}

static bool
append_temp(void *file, const void *data, size_t len)
{
	TempFile   *t = file;

	CHECK_FOR_INTERRUPTS();
	if (!t->at_end)
		go_to(t, t->size);
	t->at_end = true;
	BufFileWrite(t->file, (void *) data, len);
	t->size += len;
	return true;
}

static bool
read_temp(void *file, uint64 offset, void *buf, size_t len)
{
	TempFile   *t = file;

	CHECK_FOR_INTERRUPTS();
	t->at_end = false;
	go_to(t, offset);
	return BufFileRead(t->file, buf, len) == len;
}

static const SiTempFiles temp_files = {create_temp, append_temp, read_temp, close_temp, NULL};

const SiTempFiles *
si_file_temp(void)
{
	return &temp_files;
}
