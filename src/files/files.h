/*
 * files.h
 *		The only module that knows a path.  Chunk files live under
 *		$PGDATA/stream_ingest/<database oid>/<install uuid>/ and are immutable.
 *
 * A file is created under its final name (O_EXCL), written, fsynced together
 * with its directory, and only then named by a row.  It is unlinked only
 * after the transaction that dropped it is invisible to every snapshot.
 * Errors are ereport()ed with errcode_for_file_access() and the file's name.
 */
#ifndef SI_FILES_FILES_H
#define SI_FILES_FILES_H

#include "common/types.h"
#include "segment/segment.h"

/* Name of a chunk file inside its install's directory: "<run>-<random>.chunk". */
#define SI_FILE_NAME_LEN 48

typedef struct SiFileWriter SiFileWriter;

/*
 * Creates a new file for a run.  The name is stored in name.  The file is
 * removed again if the writer is not finished before its memory context is
 * reset or the process ends.  A process has one writer at a time.
 */
extern SiFileWriter *si_file_create(const uint8 *install, int64 run_id, char *name);
/* A sink for si_segment_write(); throws on I/O errors. */
extern void si_file_sink(SiFileWriter *w, SiSink *sink);
/*
 * Makes the file and its directory entry durable.  The writer is gone after.
 * When a sync fails the file is removed, since nobody knows what of it is on
 * disk: whoever wants it writes another one.
 */
extern uint64 si_file_finish(SiFileWriter *w);
extern void si_file_abort(SiFileWriter *w);

typedef struct SiFileReader SiFileReader;

/*
 * Opens a chunk for reading through a virtual file descriptor, closed when
 * CurrentMemoryContext is reset or by si_file_close().  A missing file is an
 * ERROR (ERRCODE_DATA_CORRUPTED) that names it.
 */
extern SiFileReader *si_file_open(const uint8 *install, const char *name, SiByteSource *src);
extern void si_file_close(SiFileReader *r);

/*
 * Temporary files for si_merge().  They are gone when they are closed, when
 * the memory context they were made in is reset, or with the process.  Errors
 * are thrown; so are interrupts, between any two calls.
 */
extern const SiTempFiles *si_file_temp(void);

/* Whether the file exists, with its size. */
extern bool si_file_exists(const uint8 *install, const char *name, uint64 *size);
/* Removes a file now; a missing one is not an error. */
extern void si_file_unlink(const uint8 *install, const char *name);
/* The same without an ERROR: NULL, or what went wrong, palloc'ed, with errno set. */
extern char *si_file_try_unlink(const uint8 *install, const char *name);

/* Lists the chunk files of an install: a palloc'ed array of names. */
extern int	si_file_list(const uint8 *install, char ***names);
/* The run id in a name; false when it is not one of ours. */
extern bool si_file_run(const char *name, int64 *run_id);
/*
 * Remove the whole directory of an install of the current database, or of a
 * database that is gone.  Errors are logged, never thrown.
 */
extern void si_file_drop_install(const uint8 *install);
extern void si_file_drop_database(Oid dboid);
/* ERROR when $PGDATA/stream_ingest is a symbolic link. */
extern void si_file_check_root(void);

#endif							/* SI_FILES_FILES_H */
