/*
 * events.c
 *		Deterministic JSON events whose values are distributed like real ones.
 *
 * The model is a day of Wikipedia's edit stream: few channels and
 * namespaces with a long tail, users by Zipf's law, pages and comments
 * nearly unique, places only for the tenth of the edits that is anonymous.
 */
#include "events.h"

#include <math.h>
#include <string.h>
#include <time.h>

#define LENGTH(a) (sizeof(a) / sizeof((a)[0]))

typedef struct Weighted
{
	const char *value;
	int			weight;
} Weighted;

static const Weighted channels[] = {
	{"#en.wikipedia", 11549}, {"#vi.wikipedia", 9747}, {"#de.wikipedia", 2523}, {"#fr.wikipedia", 2099},
	{"#ru.wikipedia", 1386}, {"#it.wikipedia", 1383}, {"#es.wikipedia", 1256}, {"#zh.wikipedia", 1126},
	{"#uz.wikipedia", 983}, {"#ja.wikipedia", 749}, {"#pl.wikipedia", 565}, {"#ko.wikipedia", 533},
	{"#ca.wikipedia", 478}, {"#pt.wikipedia", 472}, {"#nl.wikipedia", 445}, {"#ar.wikipedia", 423},
	{"#hu.wikipedia", 289}, {"#uk.wikipedia", 263}, {"#el.wikipedia", 251}, {"#he.wikipedia", 246},
	{"#sv.wikipedia", 244}, {"#fi.wikipedia", 244}, {"#cs.wikipedia", 222}, {"#fa.wikipedia", 219},
	{"#tr.wikipedia", 208}, {"#no.wikipedia", 169}, {"#sr.wikipedia", 168}, {"#hy.wikipedia", 153},
	{"#id.wikipedia", 110}, {"#da.wikipedia", 96}, {"#ro.wikipedia", 76}, {"#bg.wikipedia", 75},
	{"#gl.wikipedia", 65}, {"#ce.wikipedia", 60}, {"#et.wikipedia", 52}, {"#simple.wikipedia", 39},
	{"#sk.wikipedia", 33}, {"#la.wikipedia", 33}, {"#be.wikipedia", 33}, {"#nn.wikipedia", 26},
	{"#hr.wikipedia", 22}, {"#eo.wikipedia", 22}, {"#sl.wikipedia", 21}, {"#lt.wikipedia", 20},
	{"#hi.wikipedia", 19}, {"#sh.wikipedia", 14}, {"#eu.wikipedia", 13}, {"#ms.wikipedia", 11},
	{"#kk.wikipedia", 9}, {"#war.wikipedia", 1}, {"#min.wikipedia", 1},
};

static const Weighted namespaces[] = {
	{"Main", 31548}, {"Wikipedia", 1153}, {"User talk", 1064}, {"User", 837}, {"Talk", 587}, {"Category", 187},
	{"Template", 175}, {"Benutzer", 153}, {"Discussioni utente", 143}, {"Wikipédia", 127}, {"Discussion", 126},
	{"Discussion utilisateur", 119}, {"Anexo", 111}, {"Projet", 109}, {"Участник", 98}, {"Portal", 60},
};

/* iso code and name, a tab between them */
static const Weighted countries[] = {
	{"US\tUnited States", 528}, {"IT\tItaly", 256}, {"GB\tUnited Kingdom", 234}, {"FR\tFrance", 205},
	{"RU\tRussia", 194}, {"JP\tJapan", 171}, {"DE\tGermany", 162}, {"BR\tBrazil", 136}, {"IN\tIndia", 125},
	{"KR\tRepublic of Korea", 118}, {"CA\tCanada", 117}, {"TW\tTaiwan", 94}, {"ES\tSpain", 94},
	{"MX\tMexico", 90}, {"AU\tAustralia", 80}, {"AR\tArgentina", 75}, {"NL\tNetherlands", 66}, {"UA\tUkraine", 60},
	{"PL\tPoland", 55}, {"CO\tColombia", 52}, {"CL\tChile", 50}, {"HK\tHong Kong", 48}, {"IL\tIsrael", 45},
	{"TR\tTurkey", 40}, {"PH\tPhilippines", 38}, {"SE\tSweden", 36}, {"BE\tBelgium", 34}, {"VN\tVietnam", 30},
	{"CH\tSwitzerland", 28}, {"IE\tIreland", 20},
};

/* $p: a page, $n: a number */
static const Weighted comments[] = {
	{"AlphamaEditor", 3461}, {"clean up using [[Project:AWB|AWB]]", 2113}, {"fix using [[Project:AWB|AWB]]", 1916},
	{"clean up, replaced: $p → $p ($n) using [[Project:AWB|AWB]]", 1980}, {"fix Lỗi CS1: ngày tháng", 716},
	{"Lỗi CS1: ngày tháng using [[Project:AWB|AWB]]", 760}, {"Bot: Aktualisiere Schwesterprojektlink auf $p", 266},
	{"Διόρθωση συντακτικών λαθών του κώδικα με τη χρήση [[Βικιπαίδεια:AutoWikiBrowser|AWB]] ($n)", 260},
	{"/* $p */", 2600}, {"/* $p */ added \\\"$p\\\" and a reference", 1900}, {"[[WP:AES|←]]Created page with '$p'", 1300},
	{"Undid revision $n by [[Special:Contributions/$p|$p]]", 900}, {"Reverted edits by $p ($n) to last version by $p", 900},
	{"added [[Category:$p]] using [[WP:HC|HotCat]]", 1100}, {"typo", 500}, {"", 3000},
	{"/* $p */ Замена $p на [[$p]], см. $n", 800}, {"ce, see talk page of $p, and the source of $n on page $n", 1400},
	{"Robot inserta {{Commonscat}} que enllaça amb [[commons:category:$p]]", 480}, {"→$p: $p", 900},
	{"Removing link(s) to \\\"$p\\\": not notable. ([[WP:TW|TW]])", 300}, {"$p", 2000}, {"Importing Wikidata $n; $p", 700},
};

static const char *const syllables[] = {
	"an", "ba", "co", "da", "el", "fi", "go", "ha", "in", "jo", "ka", "lo", "ma", "ne", "or", "pa",
	"qui", "ra", "se", "ti", "ul", "ve", "wa", "xi", "yo", "za", "ber", "chen", "dor", "ford", "gr\xC3\xBC", "ham",
	"isk", "lan", "mon", "ner", "ost", "pol", "ran", "sch", "ton", "urg", "ville", "wick", "zh\xC3\xA9", "bur", "c\xC3\xB4t", "d\xC3\xA9",
	"est", "fal", "ger", "hol", "ist", "kel", "lin", "mar", "nor", "ping", "ros", "stan", "tre", "val", "west", "yan",
};

#define NUSERS 10000
#define NHOTPAGES 5000
#define NPAGES 20000000
#define NCITIES 1000

static double user_cdf[NUSERS];
static double page_cdf[NHOTPAGES];
static int	channel_sum[LENGTH(channels)];
static int	namespace_sum[LENGTH(namespaces)];
static int	country_sum[LENGTH(countries)];
static int	comment_sum[LENGTH(comments)];

/* ---- random numbers: splitmix64 ---- */

static uint64_t
mix(uint64_t x)
{
	x += UINT64_C(0x9E3779B97F4A7C15);
	x = (x ^ (x >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94D049BB133111EB);
	return x ^ (x >> 31);
}

static uint64_t
next(uint64_t *state)
{
	*state += UINT64_C(0x9E3779B97F4A7C15);
	return mix(*state);
}

static uint64_t
below(uint64_t *state, uint64_t n)
{
	return (uint64_t) (((unsigned __int128) next(state) * n) >> 64);
}

static double
unit(uint64_t *state)
{
	return (double) (next(state) >> 11) * 0x1p-53;
}

static int
chance(uint64_t *state, int permille)
{
	return (int) below(state, 1000) < permille;
}

static void
zipf_init(double *cdf, int n, double exponent)
{
	double		sum = 0;

	for (int i = 0; i < n; i++)
		cdf[i] = sum += pow(i + 1, -exponent);
	for (int i = 0; i < n; i++)
		cdf[i] /= sum;
}

static int
zipf(uint64_t *state, const double *cdf, int n)
{
	double		x = unit(state);
	int			lo = 0;
	int			hi = n - 1;

	while (lo < hi)
	{
		int			mid = (lo + hi) / 2;

		if (cdf[mid] < x)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static void
weights_init(const Weighted *table, int n, int *sums)
{
	int			sum = 0;

	for (int i = 0; i < n; i++)
		sums[i] = sum += table[i].weight;
}

static const char *
weighted(uint64_t *state, const Weighted *table, int n, const int *sums)
{
	int			x = (int) below(state, (uint64_t) sums[n - 1]);
	int			lo = 0;
	int			hi = n - 1;

	while (lo < hi)
	{
		int			mid = (lo + hi) / 2;

		if (sums[mid] <= x)
			lo = mid + 1;
		else
			hi = mid;
	}
	return table[lo].value;
}

#define PICK(state, table, sums) weighted(state, table, (int) LENGTH(table), sums)

void
events_init(void)
{
	zipf_init(user_cdf, NUSERS, 0.95);
	zipf_init(page_cdf, NHOTPAGES, 0.8);
	weights_init(channels, (int) LENGTH(channels), channel_sum);
	weights_init(namespaces, (int) LENGTH(namespaces), namespace_sum);
	weights_init(countries, (int) LENGTH(countries), country_sum);
	weights_init(comments, (int) LENGTH(comments), comment_sum);
}

int
event_shape(const char *name, EventShape *shape)
{
	if (strcmp(name, "edits") == 0)
		*shape = SHAPE_EDITS;
	else if (strcmp(name, "narrow") == 0)
		*shape = SHAPE_NARROW;
	else if (strcmp(name, "wide") == 0)
		*shape = SHAPE_WIDE;
	else
		return 0;
	return 1;
}

/* ---- writing ---- */

static char *
put(char *p, const char *s)
{
	size_t		len = strlen(s);

	memcpy(p, s, len);
	return p + len;
}

static char *
put_bytes(char *p, const char *s, size_t len)
{
	memcpy(p, s, len);
	return p + len;
}

static char *
put_int(char *p, int64_t value)
{
	char		digits[24];
	int			n = 0;
	uint64_t	v = value < 0 ? -(uint64_t) value : (uint64_t) value;

	if (value < 0)
		*p++ = '-';
	do
		digits[n++] = (char) ('0' + v % 10);
	while ((v /= 10) > 0);
	while (n > 0)
		*p++ = digits[--n];
	return p;
}

static char *
put_digits(char *p, int value, int width)
{
	for (int i = width - 1; i >= 0; i--, value /= 10)
		p[i] = (char) ('0' + value % 10);
	return p + width;
}

static char *
put_time(char *p, int64_t ms)
{
	static time_t last_second = -1;
	static struct tm tm;
	time_t		second = (time_t) (ms / 1000);

	if (second != last_second)
	{
		gmtime_r(&second, &tm);
		last_second = second;
	}
	p = put_digits(p, tm.tm_year + 1900, 4);
	*p++ = '-';
	p = put_digits(p, tm.tm_mon + 1, 2);
	*p++ = '-';
	p = put_digits(p, tm.tm_mday, 2);
	*p++ = 'T';
	p = put_digits(p, tm.tm_hour, 2);
	*p++ = ':';
	p = put_digits(p, tm.tm_min, 2);
	*p++ = ':';
	p = put_digits(p, tm.tm_sec, 2);
	*p++ = '.';
	p = put_digits(p, (int) (ms % 1000), 3);
	*p++ = 'Z';
	return p;
}

/* A name of one to three words that belongs to id for ever. */
static char *
put_name(char *p, uint64_t id, int max_words)
{
	uint64_t	bits = mix(id);
	int			words = 1 + (int) (bits % (uint64_t) max_words);

	bits >>= 4;
	for (int w = 0; w < words; w++)
	{
		int			n = 2 + (int) (bits & 1);
		char	   *first = p;

		bits >>= 1;
		if (w > 0)
			*p++ = ' ', first++;
		for (int s = 0; s < n; s++, bits >>= 6)
			p = put(p, syllables[bits & 63]);
		*first = (char) (*first - ('a' - 'A'));
	}
	return p;
}

static uint64_t
some_page(uint64_t *state, uint64_t pages)
{
	return chance(state, 120) ? (uint64_t) zipf(state, page_cdf, NHOTPAGES) % pages : below(state, pages);
}

static char *
put_page(char *p, uint64_t id)
{
	p = put_name(p, id, 3);
	if (id % 3 == 0)
	{
		p = put(p, " (");
		p = put_int(p, (int64_t) (1700 + id % 320));
		*p++ = ')';
	}
	return p;
}

static char *
put_comment(char *p, uint64_t *state, uint64_t page, uint64_t pages)
{
	for (const char *t = PICK(state, comments, comment_sum); *t != '\0';)
	{
		const char *dollar = strchr(t, '$');

		if (dollar == NULL)
			return put(p, t);
		p = put_bytes(p, t, (size_t) (dollar - t));
		if (dollar[1] == 'n')
			p = put_int(p, (int64_t) below(state, 700000000));
		else
			p = put_page(p, chance(state, 500) ? page : some_page(state, pages));
		t = dollar + 2;
	}
	return p;
}

static char *
put_user(char *p, uint64_t *state, int anonymous)
{
	if (anonymous)
	{
		for (int i = 0; i < 4; i++)
		{
			if (i > 0)
				*p++ = '.';
			p = put_int(p, (int64_t) (1 + below(state, 254)));
		}
	}
	else
	{
		uint64_t	user = (uint64_t) zipf(state, user_cdf, NUSERS);

		p = put_name(p, user + (UINT64_C(1) << 40), 2);
		if (user < 60)
			p = put(p, "Bot");
		else if (user % 4 == 0)
			p = put_int(p, (int64_t) (user % 97));
	}
	return p;
}

/* "key":value for a text that needs quotes, or null for NULL */
static char *
put_text_field(char *p, const char *key, const char *value, size_t len)
{
	p = put(p, key);
	if (value == NULL)
		return put(p, "null");
	*p++ = '"';
	p = put_bytes(p, value, len);
	*p++ = '"';
	return p;
}

/* The change of size that an edit made: small mostly, sometimes very large. */
static int64_t
some_delta(uint64_t *state)
{
	double		size = exp(unit(state) * unit(state) * 12.0) - 1.0 + (double) below(state, 37);

	return chance(state, 180) ? -(int64_t) size : (int64_t) size;
}

static char *
put_edit(char *p, uint64_t *state, uint64_t pages)
{
	int			anonymous = chance(state, 97);
	int			robot = !anonymous && chance(state, 430);
	uint64_t	page = some_page(state, pages);
	int64_t		delta = some_delta(state);
	const char *channel = PICK(state, channels, channel_sum);
	const char *space = PICK(state, namespaces, namespace_sum);
	const char *country = anonymous ? PICK(state, countries, country_sum) : NULL;
	uint64_t	city = country && chance(state, 570) ? below(state, NCITIES) + 1 : 0;
	char		name[128];

	p = put_text_field(p, "\"channel\":", channel, strlen(channel));
	p = put_text_field(p, ",\"cityName\":", city ? name : NULL,
					   city ? (size_t) (put_name(name, city + (UINT64_C(1) << 41), 2) - name) : 0);
	p = put(p, ",\"comment\":\"");
	p = put_comment(p, state, page, pages);
	*p++ = '"';
	p = put_text_field(p, ",\"countryIsoCode\":", country, 2);
	p = put_text_field(p, ",\"countryName\":", country ? country + 3 : NULL, country ? strlen(country + 3) : 0);
	p = put(p, anonymous ? ",\"isAnonymous\":true" : ",\"isAnonymous\":false");
	p = put(p, chance(state, 441) ? ",\"isMinor\":true" : ",\"isMinor\":false");
	p = put(p, chance(state, 58) ? ",\"isNew\":true" : ",\"isNew\":false");
	p = put(p, robot ? ",\"isRobot\":true" : ",\"isRobot\":false");
	p = put(p, chance(state, 153) ? ",\"isUnpatrolled\":true" : ",\"isUnpatrolled\":false");
	p = put(p, ",\"metroCode\":");
	if (country && country[0] == 'U' && city)
		p = put_int(p, (int64_t) (500 + city % 210));
	else
		p = put(p, "null");
	p = put_text_field(p, ",\"namespace\":", space, strlen(space));
	p = put(p, ",\"page\":\"");
	p = put_page(p, page);
	*p++ = '"';
	if (city)
	{
		name[0] = (char) ('A' + city % 23);
		name[1] = (char) ('A' + city % 7);
	}
	p = put_text_field(p, ",\"regionIsoCode\":", city ? name : NULL, 2);
	p = put_text_field(p, ",\"regionName\":", city ? name : NULL,
					   city ? (size_t) (put_name(name, city % 161 + (UINT64_C(1) << 42), 1) - name) : 0);
	p = put(p, ",\"user\":\"");
	p = put_user(p, state, anonymous);
	p = put(p, "\",\"delta\":");
	p = put_int(p, delta);
	p = put(p, ",\"added\":");
	p = put_int(p, delta > 0 ? delta : 0);
	p = put(p, ",\"deleted\":");
	return put_int(p, delta < 0 ? -delta : 0);
}

static char *
put_reading(char *p, uint64_t *state)
{
	static const char *const sites[] = {"berlin", "lyon", "osaka", "quito", "perth"};
	uint64_t	sensor = below(state, 2000);
	int64_t		value = (int64_t) (200 * (unit(state) + unit(state) + unit(state)));

	p = put(p, "\"sensor\":\"s-");
	p = put_digits(p, (int) sensor, 4);
	p = put(p, "\",\"site\":\"");
	p = put(p, sites[sensor % LENGTH(sites)]);
	p = put(p, "\",\"value\":");
	p = put_int(p, value / 10);
	*p++ = '.';
	p = put_int(p, value % 10);
	return put(p, chance(state, 990) ? ",\"ok\":true" : ",\"ok\":false");
}

/* Thirty more fields: strings of few to many different values, and numbers. */
static char *
put_attributes(char *p, uint64_t *state)
{
	static const int widths[] = {4, 12, 50, 200, 1000, 5000, 20000, 100000, 300, 30};

	for (int i = 0; i < 30; i++)
	{
		p = put(p, ",\"attribute_");
		p = put_digits(p, i + 1, 2);
		p = put(p, "\":");
		if (i % 3 == 2)
			p = put_int(p, (int64_t) below(state, UINT64_C(1) << (8 + i)));
		else
		{
			*p++ = '"';
			p = put_name(p, below(state, (uint64_t) widths[i % 10]) + ((uint64_t) i << 44), 5);
			*p++ = '"';
		}
	}
	return p;
}

size_t
events_write(const EventSpec *spec, uint64_t number, int64_t now_ms, char *out)
{
	uint64_t	state = mix(spec->seed ^ mix(number));
	uint64_t	pages = spec->pages > 0 ? spec->pages : NPAGES;
	char	   *p = out;

	*p++ = '{';
	if (spec->with_id)
	{
		p = put(p, "\"id\":");
		p = put_int(p, (int64_t) number);
		*p++ = ',';
	}
	/* Events come a little out of order: a second and a half at most. */
	if (now_ms < 0)
		now_ms = spec->start_ms + (int64_t) ((double) number * 1000.0 / spec->event_rate) + (int64_t) below(&state, 1500);
	p = put(p, "\"time\":\"");
	p = put_time(p, now_ms);
	p = put(p, "\",");
	if (spec->different > 0)
		state = mix(spec->seed ^ below(&state, spec->different));
	switch (spec->shape)
	{
		case SHAPE_NARROW:
			p = put_reading(p, &state);
			break;
		case SHAPE_WIDE:
			p = put_attributes(put_edit(p, &state, pages), &state);
			break;
		case SHAPE_EDITS:
			p = put_edit(p, &state, pages);
			break;
	}
	*p++ = '}';
	return (size_t) (p - out);
}
