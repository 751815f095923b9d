/*
 * files.c
 *		Chunk files: create, make durable, read, remove.
 *
 * The only file of the extension that builds a path.  It knows nothing of
 * transactions: who may remove a file, and when, is decided in sweep.c.
 *
 * Writing uses a plain descriptor, one at a time, closed when the writer's
 * memory context is reset; reading uses virtual file descriptors, so that a
 * scan over many chunks cannot exhaust the process's descriptors.  Nothing is mapped: a truncated mapping would be SIGBUS.
 */
#include "postgres.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/fault.h"
#include "common/file_perm.h"
#include "files/files.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "storage/fd.h"
#include "storage/ipc.h"
#include "utils/memutils.h"

#define SI_FILE_ROOT	"stream_ingest"
#define SI_FILE_SUFFIX	".chunk"

/* Bytes gathered before a write() call. */
#define SI_WRITE_BUFFER	(256 * 1024)

struct SiFileWriter
{
	int			fd;
	bool		made;			/* the file is there and not durable */
	uint64		written;
	char		dir[MAXPGPATH];
	char		path[MAXPGPATH];
	size_t		used;
	char	   *buffer;
	MemoryContextCallback on_reset;
};

struct SiFileReader
{
	File		file;
	uint64		size;
	char		path[MAXPGPATH];
	MemoryContextCallback on_reset;
};

/* The writer whose file is to go when this process ends. */
static SiFileWriter *unfinished = NULL;

/* Directory of an install of the current database, relative to $PGDATA. */
static void
install_dir(const uint8 *install, char *dir)
{
	int			n;

	n = snprintf(dir, MAXPGPATH, SI_FILE_ROOT "/%u/", MyDatabaseId);
	for (int i = 0; i < SI_UUID_LEN; i++)
		n += snprintf(dir + n, MAXPGPATH - n, "%02x", install[i]);
}

static void
chunk_path(const uint8 *install, const char *name, char *path)
{
	char		dir[MAXPGPATH];

	install_dir(install, dir);
	snprintf(path, MAXPGPATH, "%s/%s", dir, name);
}

/*
 * Makes the entries of a directory durable.  When that fails it is an ERROR,
 * not the PANIC of fsync_fname(): no row names the new entry yet, and it is
 * made anew under another name.
 */
static void
sync_dir(const char *dir, const char *fault)
{
	if (SI_FAULT_FAILS(fault))
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not fsync file \"%s\": %m", dir)));
	(void) fsync_fname_ext(dir, true, false, ERROR);
}

/*
 * Makes sure that a directory is there, durably: who has just made it may not
 * have got so far.  One whose sync failed is made anew by the next attempt.
 */
static void
make_dir(const char *dir, const char *parent)
{
	bool		made = MakePGDirectory(dir) == 0;

	if (!made && errno != EEXIST)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not create directory \"%s\": %m", dir)));
	PG_TRY();
	{
		sync_dir(parent, "parent_sync");
	}
	PG_CATCH();
	{
		if (made)
			(void) rmdir(dir);
		PG_RE_THROW();
	}
	PG_END_TRY();
}

void
si_file_check_root(void)
{
	struct stat st;

	if (lstat(SI_FILE_ROOT, &st) == 0 && S_ISLNK(st.st_mode))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("\"%s/%s\" is a symbolic link", DataDir, SI_FILE_ROOT),
				 errdetail("Base backups skip what symbolic links in the data directory point to."),
				 errhint("Replace the link by a directory, or move the whole data directory to the other volume.")));
}

/*
 * Memory context callback: a writer that was not finished leaves nothing
 * behind.  May run while an error is handled, so it must not throw.
 */
static void
writer_reset(void *arg)
{
	SiFileWriter *w = arg;

	if (unfinished == w)
		unfinished = NULL;
	if (w->fd >= 0)
		close(w->fd);
	w->fd = -1;
	if (w->made && unlink(w->path) < 0 && errno != ENOENT)
		elog(LOG, "could not remove file \"%s\": %m", w->path);
	w->made = false;
}

/* An ERROR ends a task without any memory context being reset. */
static void
remove_unfinished(int code, Datum arg)
{
	if (unfinished)
		writer_reset(unfinished);
}

SiFileWriter *
si_file_create(const uint8 *install, int64 run_id, char *name)
{
	static bool dir_durable = false;
	static bool exit_known = false;
	SiFileWriter *w = palloc0(sizeof(SiFileWriter));
	char		dbdir[MAXPGPATH];
	uint64		random;

	snprintf(dbdir, sizeof(dbdir), SI_FILE_ROOT "/%u", MyDatabaseId);
	install_dir(install, w->dir);
	w->buffer = palloc(SI_WRITE_BUFFER);
	w->fd = -1;
	w->on_reset.func = writer_reset;
	w->on_reset.arg = w;
	MemoryContextRegisterResetCallback(CurrentMemoryContext, &w->on_reset);
	if (!exit_known)
		on_proc_exit(remove_unfinished, (Datum) 0);
	exit_known = true;

	if (!dir_durable)
	{
		make_dir(SI_FILE_ROOT, ".");
		make_dir(dbdir, SI_FILE_ROOT);
		make_dir(w->dir, dbdir);
		dir_durable = true;
	}
	for (;;)
	{
		if (!pg_strong_random(&random, sizeof(random)))
			ereport(ERROR,
					(errcode(ERRCODE_INTERNAL_ERROR),
					 errmsg("could not generate random bits for a file name")));
		snprintf(name, SI_FILE_NAME_LEN, INT64_FORMAT "-%016llx" SI_FILE_SUFFIX,
				 run_id, (unsigned long long) random);
		snprintf(w->path, MAXPGPATH, "%s/%s", w->dir, name);
		if (!SI_FAULT_FAILS("file_create"))
			w->fd = BasicOpenFile(w->path, O_CREAT | O_EXCL | O_WRONLY | PG_BINARY);
		if (w->fd >= 0)
		{
			w->made = true;
			unfinished = w;
			return w;
		}
		if (errno != EEXIST)
			ereport(ERROR,
					(errcode_for_file_access(),
					 errmsg("could not create file \"%s\": %m", w->path)));
	}
}

static void
writer_write(SiFileWriter *w, const char *data, size_t len)
{
	while (len > 0)
	{
		ssize_t		n;

		errno = 0;
		pgstat_report_wait_start(WAIT_EVENT_DATA_FILE_WRITE);
		n = SI_FAULT_FAILS("file_write") ? -1 : write(w->fd, data, len);
		pgstat_report_wait_end();
		if (n <= 0)
		{
			if (n < 0 && errno == EINTR)
				continue;
			/* if write didn't set errno, assume problem is no disk space */
			if (errno == 0)
				errno = ENOSPC;
			ereport(ERROR,
					(errcode_for_file_access(),
					 errmsg("could not write to file \"%s\": %m", w->path)));
		}
		data += n;
		len -= n;
		w->written += n;
	}
}

static bool
sink_write(void *arg, const void *data, size_t len)
{
	SiFileWriter *w = arg;

	if (w->used + len > SI_WRITE_BUFFER)
	{
		writer_write(w, w->buffer, w->used);
		w->used = 0;
	}
	if (len > SI_WRITE_BUFFER)
		writer_write(w, data, len);
	else
	{
		memcpy(w->buffer + w->used, data, len);
		w->used += len;
	}
	return true;
}

void
si_file_sink(SiFileWriter *w, SiSink *sink)
{
	sink->write = sink_write;
	sink->arg = w;
}

uint64
si_file_finish(SiFileWriter *w)
{
	writer_write(w, w->buffer, w->used);
	w->used = 0;

	pgstat_report_wait_start(WAIT_EVENT_DATA_FILE_SYNC);
	if (SI_FAULT_FAILS("file_sync") || pg_fsync(w->fd) != 0)
	{
		pgstat_report_wait_end();
		/* the file is given up, never synced again: its rows are still in the stream */
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not fsync file \"%s\": %m", w->path)));
	}
	pgstat_report_wait_end();
	if (close(w->fd) != 0)
	{
		w->fd = -1;
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not close file \"%s\": %m", w->path)));
	}
	w->fd = -1;
	sync_dir(w->dir, "dir_sync");
	w->made = false;
	unfinished = NULL;
	return w->written;
}

void
si_file_abort(SiFileWriter *w)
{
	writer_reset(w);
}

/* ----------------------------------------------------------------- reading */

static void
reader_reset(void *arg)
{
	SiFileReader *r = arg;

	if (r->file >= 0)
	{
		FileClose(r->file);
		r->file = -1;
	}
}

static bool
reader_read(void *arg, uint64 offset, void *buf, size_t len)
{
	SiFileReader *r = arg;
	char	   *p = buf;

	while (len > 0)
	{
		int			want = Min(len, 1024 * 1024 * 1024);
		int			n = FileRead(r->file, p, want, (off_t) offset, WAIT_EVENT_DATA_FILE_READ);

		if (n < 0)
			ereport(ERROR,
					(errcode_for_file_access(),
					 errmsg("could not read file \"%s\": %m", r->path)));
		if (n == 0)
			return false;
		p += n;
		offset += n;
		len -= n;
	}
	return true;
}

SiFileReader *
si_file_open(const uint8 *install, const char *name, SiByteSource *src)
{
	SiFileReader *r = palloc0(sizeof(SiFileReader));
	off_t		size;

	chunk_path(install, name, r->path);
	r->file = PathNameOpenFile(r->path, O_RDONLY | PG_BINARY);
	if (r->file < 0 && errno == ENOENT)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("chunk file \"%s\" is missing", r->path),
				 errhint("Restore the file from a backup, or call reset_offsets() with the first of its offsets, which are in stream_ingest.supervisors.")));
	if (r->file < 0)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not open chunk file \"%s\": %m", r->path)));
	r->on_reset.func = reader_reset;
	r->on_reset.arg = r;
	MemoryContextRegisterResetCallback(CurrentMemoryContext, &r->on_reset);

	size = FileSize(r->file);
	if (size < 0)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not determine the size of file \"%s\": %m", r->path)));
	r->size = size;
	src->read = reader_read;
	src->arg = r;
	src->size = r->size;
	return r;
}

void
si_file_close(SiFileReader *r)
{
	reader_reset(r);
}

/* ------------------------------------------------------ listing, removing */

bool
si_file_exists(const uint8 *install, const char *name, uint64 *size)
{
	char		path[MAXPGPATH];
	struct stat st;

	chunk_path(install, name, path);
	if (SI_FAULT_FAILS("file_stat") || stat(path, &st) < 0)
	{
		if (errno == ENOENT)
			return false;
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not stat file \"%s\": %m", path)));
	}
	*size = st.st_size;
	return true;
}

char *
si_file_try_unlink(const uint8 *install, const char *name)
{
	char		path[MAXPGPATH];
	int			save_errno;
	char	   *complaint;

	chunk_path(install, name, path);
	if (!SI_FAULT_FAILS("file_unlink") && unlink(path) == 0)
		return NULL;
	if (errno == ENOENT)
		return NULL;
	save_errno = errno;
	complaint = psprintf("could not remove file \"%s\": %m", path);
	errno = save_errno;
	return complaint;
}

void
si_file_unlink(const uint8 *install, const char *name)
{
	char	   *complaint = si_file_try_unlink(install, name);

	if (complaint)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg_internal("%s", complaint)));
}

int
si_file_list(const uint8 *install, char ***names)
{
	char		path[MAXPGPATH];
	DIR		   *dir;
	struct dirent *de;
	int			n = 0,
				cap = 64;

	install_dir(install, path);
	*names = palloc(cap * sizeof(char *));
	dir = AllocateDir(path);
	if (dir == NULL && errno == ENOENT)
		return 0;
	while ((de = ReadDir(dir, path)) != NULL)
	{
		int64		run;

		if (!si_file_run(de->d_name, &run))
			continue;
		if (n == cap)
			*names = repalloc(*names, (cap *= 2) * sizeof(char *));
		(*names)[n++] = pstrdup(de->d_name);
	}
	FreeDir(dir);
	return n;
}

bool
si_file_run(const char *name, int64 *run_id)
{
	long long	run;
	unsigned long long random;
	int			end = 0;

	if (sscanf(name, "%lld-%16llx" SI_FILE_SUFFIX "%n", &run, &random, &end) != 2 ||
		end == 0 || name[end] != '\0' || run <= 0)
		return false;
	*run_id = run;
	return true;
}

/*
 * Removes a directory of files, or (depth 1) of such directories.  Runs after
 * a commit: nothing here may throw.
 */
static void
drop_dir(const char *path, int depth)
{
	char		child[MAXPGPATH + NAMEDATALEN * 4];
	DIR		   *dir = opendir(path);
	struct dirent *de;

	if (dir == NULL)
	{
		if (errno != ENOENT)
			elog(LOG, "could not open directory \"%s\": %m", path);
		return;
	}
	while ((de = readdir(dir)) != NULL)
	{
		if (strcmp(de->d_name, ".") == 0 || strcmp(de->d_name, "..") == 0)
			continue;
		snprintf(child, sizeof(child), "%s/%s", path, de->d_name);
		if (depth > 0)
			drop_dir(child, depth - 1);
		else if (unlink(child) < 0 && errno != ENOENT)
			elog(LOG, "could not remove file \"%s\": %m", child);
	}
	closedir(dir);
	if (rmdir(path) < 0)
		elog(LOG, "could not remove directory \"%s\": %m", path);
}

void
si_file_drop_install(const uint8 *install)
{
	char		path[MAXPGPATH];

	install_dir(install, path);
	drop_dir(path, 0);
}

void
si_file_drop_database(Oid dboid)
{
	char		path[MAXPGPATH];

	snprintf(path, sizeof(path), SI_FILE_ROOT "/%u", dboid);
	drop_dir(path, 1);
}
