/*
 * arena.c
 *		The palloc family of the harnesses: see arena.h.
 *
 * Stands in the place of PostgreSQL's fe_memutils.c, and of owned.c of
 * src/format, whose registrations it keeps as a memory context would.  Every
 * piece is a malloc of its own, so that the sanitizer sees its ends.
 */
#include "arena.h"

#include "common/fe_memutils.h"
#include "format/owned.h"

/* Before what palloc() hands out. */
typedef struct Piece
{
	struct Piece *next;
	struct Piece *previous;
	size_t		size;
	size_t		guard;			/* GUARD: what is freed was palloc'ed */
} Piece;

#define GUARD	((size_t) UINT64CONST(0x5049454345464E44))

struct SiOwned
{
	SiOwned    *next;			/* registered before */
	void	   *thing;			/* NULL once forgotten */
	void		(*release) (void *);
};

static Piece pieces = {&pieces, &pieces, 0, 0};
static SiOwned *registered = NULL;
static size_t held = 0;

static void fatal(const char *what) SI_NORETURN;

static void
fatal(const char *what)
{
	fprintf(stderr, "arena: %s\n", what);
	abort();
}

static void
link_piece(Piece *p)
{
	p->next = pieces.next;
	p->previous = &pieces;
	p->next->previous = p;
	pieces.next = p;
	held += p->size;
}

static Piece *
unlink_piece(void *pointer)
{
	Piece	   *p = (Piece *) pointer - 1;

	if (p->guard != GUARD)
		fatal("a pointer that palloc() did not return");
	p->next->previous = p->previous;
	p->previous->next = p->next;
	held -= p->size;
	return p;
}

void *
palloc_extended(Size size, int flags)
{
	Piece	   *p = size > SIZE_MAX - sizeof(Piece) ? NULL : malloc(sizeof(Piece) + size);

	if (p == NULL)
	{
		if (flags & MCXT_ALLOC_NO_OOM)
			return NULL;
		fatal("out of memory");
	}
	p->size = size;
	p->guard = GUARD;
	link_piece(p);
	if (flags & MCXT_ALLOC_ZERO)
		memset(p + 1, 0, size);
	else
		memset(p + 1, 0x7F, size);	/* as a server with assertions does */
	return p + 1;
}

void *
palloc(Size size)
{
	return palloc_extended(size, 0);
}

void *
palloc0(Size size)
{
	return palloc_extended(size, MCXT_ALLOC_ZERO);
}

void
pfree(void *pointer)
{
	Piece	   *p = unlink_piece(pointer);

	p->guard = 0;
	free(p);
}

void *
repalloc(void *pointer, Size size)
{
	void	   *copy = palloc(size);
	Piece	   *p = (Piece *) pointer - 1;

	memcpy(copy, pointer, Min(p->size, size));
	pfree(pointer);
	return copy;
}

char *
pnstrdup(const char *in, Size size)
{
	size_t		len = strnlen(in, size);
	char	   *copy = palloc(len + 1);

	memcpy(copy, in, len);
	copy[len] = '\0';
	return copy;
}

char *
pstrdup(const char *in)
{
	return pnstrdup(in, strlen(in));
}

/* What libpgcommon calls for itself. */
void *
pg_malloc(size_t size)
{
	return palloc(size);
}

void *
pg_malloc0(size_t size)
{
	return palloc0(size);
}

void *
pg_malloc_extended(size_t size, int flags)
{
	return palloc_extended(size, flags);
}

void *
pg_realloc(void *pointer, size_t size)
{
	return pointer ? repalloc(pointer, size) : palloc(size);
}

char *
pg_strdup(const char *in)
{
	return pstrdup(in);
}

void
pg_free(void *pointer)
{
	if (pointer)
		pfree(pointer);
}

void
si_owned_no_memory(void)
{
	fatal("no memory for a parser");
}

SiOwned *
si_owned_register(void *thing, void (*release) (void *))
{
	SiOwned    *owned = palloc(sizeof(SiOwned));

	owned->next = registered;
	owned->thing = thing;
	owned->release = release;
	registered = owned;
	return owned;
}

void
si_owned_forget(SiOwned *owned)
{
	if (owned != NULL)
		owned->thing = NULL;
}

/* Calls what is registered, the newest first, and frees all. */
static void
release_all(void)
{
	while (registered != NULL)
	{
		SiOwned    *owned = registered;

		registered = owned->next;
		if (owned->thing != NULL)
			owned->release(owned->thing);
	}
	while (pieces.next != &pieces)
		pfree(pieces.next + 1);
	if (held != 0)
		fatal("the sizes of the pieces do not add up");
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fuzz_one(data, size);
	release_all();
	return 0;
}
