/*
 * scalar.h
 *		Datums of the types that vectors hold as 64-bit integers.
 */
#ifndef SI_QUERY_SCALAR_H
#define SI_QUERY_SCALAR_H

#include "postgres.h"

#include "catalog/pg_type_d.h"
#include "utils/date.h"

/* boolean, integers, date, timestamps; timestamps are microseconds */
static inline int64
si_int_of_datum(Oid type, Datum d)
{
	switch (type)
	{
		case BOOLOID:
			return DatumGetBool(d);
		case INT2OID:
			return DatumGetInt16(d);
		case INT4OID:
			return DatumGetInt32(d);
		case DATEOID:
			return DatumGetDateADT(d);
		default:
			return DatumGetInt64(d);
	}
}

static inline Datum
si_datum_of_int(Oid type, int64 value)
{
	switch (type)
	{
		case BOOLOID:
			return BoolGetDatum(value != 0);
		case INT2OID:
			return Int16GetDatum((int16) value);
		case INT4OID:
			return Int32GetDatum((int32) value);
		case DATEOID:
			return DateADTGetDatum((DateADT) value);
		default:
			return Int64GetDatum(value);
	}
}

#endif							/* SI_QUERY_SCALAR_H */
