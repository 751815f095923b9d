/*
 * test_reset.c
 *		What a reset drops: examples, and for random chunks the two rules that
 *		make it exactly once.
 */
#include "harness.h"

#include "worker/reset.h"

#define MAX_CHUNKS	40
#define PARTITIONS	3

/* Chunks over partitions 0, 1, ...; each begins where the one before ended. */
static int32 ids[PARTITIONS] = {0, 1, 2};
static int64 starts[MAX_CHUNKS][PARTITIONS];
static int64 ends[MAX_CHUNKS][PARTITIONS];
static SiResetChunk chunks[MAX_CHUNKS];
static SiResetPartition partitions[PARTITIONS];
static int	nchunks;

static void
begin(int npartitions, int64 low)
{
	nchunks = 0;
	for (int p = 0; p < npartitions; p++)
		partitions[p] = (SiResetPartition) {p, 0, low};
}

static void
add(int npartitions, const int64 *to)
{
	for (int p = 0; p < npartitions; p++)
	{
		starts[nchunks][p] = nchunks == 0 ? 0 : ends[nchunks - 1][p];
		ends[nchunks][p] = to[p];
		partitions[p].offset = to[p];
	}
	chunks[nchunks] = (SiResetChunk) {npartitions, ids, starts[nchunks], ends[nchunks]};
	nchunks++;
}

static void
examples(void)
{
	begin(1, 0);
	add(1, (int64[]) {10});
	add(1, (int64[]) {20});
	add(1, (int64[]) {30});
	partitions[0].offset = 20;
	CHECK_INT(si_reset_plan(partitions, 1, chunks, nchunks), 1);
	CHECK(!chunks[1].dropped && chunks[2].dropped, "at the border of two chunks");
	CHECK_INT(partitions[0].offset, 20);

	partitions[0].offset = 15;
	CHECK_INT(si_reset_plan(partitions, 1, chunks, nchunks), 2);
	CHECK_INT(partitions[0].offset, 10);

	partitions[0].offset = 50;
	CHECK_INT(si_reset_plan(partitions, 1, chunks, nchunks), 0);
	CHECK_INT(partitions[0].offset, 50);

	/* the broker has lost 10 and 11 */
	partitions[0].low = 12;
	partitions[0].offset = 15;
	CHECK_INT(si_reset_plan(partitions, 1, chunks, nchunks), 1);
	CHECK(chunks[1].doubled && !chunks[1].dropped && chunks[2].dropped, "what cannot be read again stays");
	CHECK_INT(partitions[0].offset, 15);
}

/* Another partition is in the same chunk: it goes back too. */
static void
neighbours(void)
{
	begin(2, 0);
	add(2, (int64[]) {10, 10});
	add(2, (int64[]) {20, 10});
	add(2, (int64[]) {20, 30});
	partitions[0].offset = 12;
	CHECK_INT(si_reset_plan(partitions, 2, chunks, nchunks), 1);
	CHECK_INT(partitions[0].offset, 10);
	CHECK_INT(partitions[1].offset, 30);
	begin(2, 0);
	add(2, (int64[]) {10, 10});
	add(2, (int64[]) {20, 15});
	add(2, (int64[]) {20, 30});
	partitions[0].offset = 12;
	CHECK_INT(si_reset_plan(partitions, 2, chunks, nchunks), 2);
	CHECK_INT(partitions[0].offset, 10);
	CHECK_INT(partitions[1].offset, 10);
	/* a jump forward of one and back of the other: what was dropped is read again */
	partitions[0].offset = 0;
	partitions[1].offset = 1000;
	CHECK_INT(si_reset_plan(partitions, 2, chunks, nchunks), 3);
	CHECK_INT(partitions[1].offset, 0);
}

/* Chunks without offsets (of requeued messages) are nobody's to drop. */
static void
no_offsets(void)
{
	begin(1, 0);
	add(1, (int64[]) {10});
	chunks[nchunks] = (SiResetChunk) {0};
	nchunks++;
	partitions[0].offset = 0;
	CHECK_INT(si_reset_plan(partitions, 1, chunks, nchunks), 1);
	CHECK(!chunks[1].dropped && !chunks[1].doubled, "a chunk without offsets stays");
}

static void
random_ones(void)
{
	for (int round = 0; round < 20000; round++)
	{
		int64		to[PARTITIONS] = {0};
		int			n = 1 + rand() % MAX_CHUNKS;

		begin(PARTITIONS, rand() % 30);
		for (int i = 0; i < n; i++)
		{
			for (int p = 0; p < PARTITIONS; p++)
				to[p] += rand() % 4;
			add(PARTITIONS, to);
		}
		for (int p = 0; p < PARTITIONS; p++)
			if (rand() % 2)
				partitions[p].offset = rand() % 60;
		(void) si_reset_plan(partitions, PARTITIONS, chunks, nchunks);
		for (int i = 0; i < nchunks; i++)
			for (int p = 0; p < PARTITIONS; p++)
			{
				if (starts[i][p] == ends[i][p])
					continue;
				if (chunks[i].dropped)
				{
					CHECK(partitions[p].offset <= starts[i][p], "round %d: a dropped row is not read again", round);
					CHECK(starts[i][p] >= partitions[p].low, "round %d: a dropped row cannot be read again", round);
				}
				else if (!chunks[i].doubled)
					CHECK(partitions[p].offset >= ends[i][p], "round %d: a row is stored twice", round);
			}
	}
}

int
main(void)
{
	srand(4711);
	examples();
	neighbours();
	no_offsets();
	random_ones();
	return harness_end("test_reset");
}
