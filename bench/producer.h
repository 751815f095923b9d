/*
 * producer.h
 *		A librdkafka producer for the benchmarks: explicit partitions, lz4,
 *		waits when its queue is full, ends the program on errors.
 */
#ifndef BENCH_PRODUCER_H
#define BENCH_PRODUCER_H

#include <stddef.h>
#include <stdint.h>

typedef struct Producer Producer;

/* linger_ms: how long a message may wait for others to share its request. */
extern Producer *producer_open(const char *brokers, const char *topic, double linger_ms);
extern int	producer_partitions(const Producer *p);

/* Copies the value into the queue; blocks only while that is full. */
extern void producer_send(Producer *p, int partition, const char *value, size_t len);

/* Waits until all messages are delivered, and frees the producer. */
extern void producer_close(Producer *p);

/* A clock that only goes forward, and the time of day; both in microseconds. */
extern int64_t monotonic_us(void);
extern int64_t wallclock_us(void);

/* Sleeps until monotonic_us() says "until". */
extern void sleep_until_us(int64_t until);

#endif							/* BENCH_PRODUCER_H */
