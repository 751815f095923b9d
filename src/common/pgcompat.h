/*
 * pgcompat.h
 *		Every difference between PostgreSQL major versions, and nothing else.
 *
 * No other file tests PG_VERSION_NUM.
 */
#ifndef SI_COMMON_PGCOMPAT_H
#define SI_COMMON_PGCOMPAT_H

#include "postgres.h"

#if PG_VERSION_NUM < 150000
#error "stream_ingest needs PostgreSQL 15 or later"
#endif

#endif							/* SI_COMMON_PGCOMPAT_H */
