/*
 * events.h
 *		Deterministic JSON events whose values are distributed like real ones.
 *
 * Event number i of a seed is always the same bytes (but for the time, when
 * the caller gives one), whatever was asked for before it.
 */
#ifndef BENCH_EVENTS_H
#define BENCH_EVENTS_H

#include <stddef.h>
#include <stdint.h>

typedef enum EventShape
{
	SHAPE_EDITS,				/* 20 fields, about 430 bytes: edits of an encyclopedia */
	SHAPE_NARROW,				/* 5 fields, about 100 bytes: sensor readings */
	SHAPE_WIDE					/* 50 fields, about 1.5 kB: edits with attributes */
} EventShape;

typedef struct EventSpec
{
	EventShape	shape;
	uint64_t	seed;
	int			with_id;		/* begins each event with "id", its number */
	int64_t		start_ms;		/* time of event 0, milliseconds since the epoch */
	double		event_rate;		/* events per second of event time */
	uint64_t	pages;			/* pages that edits are drawn from; 0: 20,000,000 */
	uint64_t	different;		/* but for id and time, each event is one of that many; 0: one of its own */
} EventSpec;

#define EVENT_MAX 4096			/* no event is longer, in bytes */

/* Parses a shape's name; returns 0 when there is none such. */
extern int	event_shape(const char *name, EventShape *shape);

/* Builds the tables that events_write draws from; call once. */
extern void events_init(void);

/*
 * Writes event number "number" into out (EVENT_MAX bytes) without a newline
 * and returns its length.  now_ms, unless negative, replaces its time.
 */
extern size_t events_write(const EventSpec *spec, uint64_t number, int64_t now_ms, char *out);

#endif							/* BENCH_EVENTS_H */
