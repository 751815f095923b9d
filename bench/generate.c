/*
 * generate.c
 *		Writes generated events, or the lines of a file, to stdout or to Kafka.
 *
 * Deterministic: the same options give the same bytes, message i in the same
 * partition (i modulo their number), unless the time is "now".
 */
#define _GNU_SOURCE
#include "events.h"
#include "producer.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef struct Options
{
	EventSpec	events;
	uint64_t	first;
	uint64_t	rows;
	double		rate;			/* messages per second of real time; 0: no limit */
	int			time_now;
	double		linger_ms;
	const char *file;
	const char *brokers;
	const char *topic;
} Options;

static const char *usage_text =
"usage: generate [OPTIONS]\n"
"  --rows N          how many events (1000)\n"
"  --first N         number of the first one (0)\n"
"  --seed N          (1)\n"
"  --shape S         edits, narrow or wide (edits)\n"
"  --id              events have a field id, their number\n"
"  --time T          now, or the time of event 0 (2015-09-12T00:00:00)\n"
"  --event-rate R    events per second of event time (100)\n"
"  --pages N         how many pages there are to edit (20000000)\n"
"  --different N     but for id and time, each event is one of N (no limit)\n"
"  --rate R          events per second of real time (no limit)\n"
"  --file F          the lines of F instead of generated events; --rows bounds them only when given\n"
"  --brokers B --topic T   to Kafka instead of stdout\n"
"  --linger MS       (50)\n";

static void
usage(const char *why)
{
	if (why != NULL)
		fprintf(stderr, "generate: %s\n", why);
	fputs(usage_text, stderr);
	exit(2);
}

static uint64_t
number(const char *text)
{
	char	   *end;
	uint64_t	value;

	errno = 0;
	value = strtoull(text, &end, 10);
	if (errno || *end != '\0' || end == text || *text == '-')
		usage("expected a whole number");
	return value;
}

static double
positive(const char *text)
{
	char	   *end;
	double		value = strtod(text, &end);

	if (*end != '\0' || end == text || !(value > 0))
		usage("expected a number above 0");
	return value;
}

static void
parse_options(int argc, char **argv, Options *o)
{
	static const struct option names[] = {
		{"rows", 1, NULL, 'n'}, {"first", 1, NULL, 'f'}, {"seed", 1, NULL, 's'}, {"shape", 1, NULL, 'S'},
		{"id", 0, NULL, 'i'}, {"time", 1, NULL, 't'}, {"event-rate", 1, NULL, 'e'}, {"rate", 1, NULL, 'r'},
		{"pages", 1, NULL, 'p'}, {"different", 1, NULL, 'd'},
		{"file", 1, NULL, 'F'}, {"brokers", 1, NULL, 'b'}, {"topic", 1, NULL, 'T'}, {"linger", 1, NULL, 'l'},
		{"help", 0, NULL, 'h'}, {NULL, 0, NULL, 0}
	};
	int			rows_given = 0;
	int			c;

	while ((c = getopt_long(argc, argv, "", names, NULL)) != -1)
		switch (c)
		{
			case 'n':
				o->rows = number(optarg);
				rows_given = 1;
				break;
			case 'f':
				o->first = number(optarg);
				break;
			case 's':
				o->events.seed = number(optarg);
				break;
			case 'S':
				if (!event_shape(optarg, &o->events.shape))
					usage("no such shape");
				break;
			case 'i':
				o->events.with_id = 1;
				break;
			case 't':
				{
					struct tm	tm = {0};

					o->time_now = strcmp(optarg, "now") == 0;
					if (!o->time_now && strptime(optarg, "%Y-%m-%dT%H:%M:%S", &tm) == NULL)
						usage("expected now or a time like 2015-09-12T00:00:00");
					o->events.start_ms = (int64_t) timegm(&tm) * 1000;
					break;
				}
			case 'e':
				o->events.event_rate = positive(optarg);
				break;
			case 'p':
				o->events.pages = number(optarg);
				break;
			case 'd':
				o->events.different = number(optarg);
				break;
			case 'r':
				o->rate = positive(optarg);
				break;
			case 'F':
				o->file = optarg;
				break;
			case 'b':
				o->brokers = optarg;
				break;
			case 'T':
				o->topic = optarg;
				break;
			case 'l':
				o->linger_ms = positive(optarg);
				break;
			default:
				usage(NULL);
		}
	if (optind != argc)
		usage("unexpected argument");
	if ((o->brokers == NULL) != (o->topic == NULL))
		usage("--brokers and --topic belong together");
	if (o->file != NULL && !rows_given)
		o->rows = UINT64_MAX;
}

/* The next line without its newline; 0 at the end of the file.  Empty lines are left out. */
static size_t
next_line(FILE *in, char **line, size_t *room)
{
	ssize_t		len;

	while ((len = getline(line, room, in)) > 0)
	{
		if ((*line)[len - 1] == '\n')
			len--;
		if (len > 0)
			return (size_t) len;
	}
	return 0;
}

int
main(int argc, char **argv)
{
	Options		o = {
		.events = {.shape = SHAPE_EDITS, .seed = 1, .start_ms = INT64_C(1442016000000), .event_rate = 100},
		.rows = 1000,
		.linger_ms = 50,
	};
	Producer   *producer = NULL;
	FILE	   *in = NULL;
	size_t		room = EVENT_MAX;
	char	   *value;
	int64_t		start;
	int			partitions = 1;

	parse_options(argc, argv, &o);
	events_init();
	value = malloc(room);
	if (o.file != NULL && (in = fopen(o.file, "r")) == NULL)
	{
		fprintf(stderr, "generate: %s: %s\n", o.file, strerror(errno));
		return 1;
	}
	if (o.topic != NULL)
	{
		producer = producer_open(o.brokers, o.topic, o.linger_ms);
		partitions = producer_partitions(producer);
	}

	start = monotonic_us();
	for (uint64_t i = 0; i < o.rows; i++)
	{
		size_t		len;

		if (o.rate > 0)
			sleep_until_us(start + (int64_t) ((double) i * 1e6 / o.rate));
		if (in != NULL)
			len = next_line(in, &value, &room);
		else
			len = events_write(&o.events, o.first + i, o.time_now ? wallclock_us() / 1000 : -1, value);
		if (len == 0)
			break;
		if (producer != NULL)
			producer_send(producer, (int) ((o.first + i) % (uint64_t) partitions), value, len);
		else if (fwrite(value, 1, len, stdout) != len || putchar('\n') == EOF)
			break;
	}
	if (producer != NULL)
		producer_close(producer);
	if (fflush(stdout) != 0 || ferror(stdout))
	{
		fprintf(stderr, "generate: stdout: %s\n", strerror(errno));
		return 1;
	}
	free(value);
	return 0;
}
