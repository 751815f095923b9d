# stream_ingest: build with PGXS.  `make`, `make install`, `make unit`; all tests: scripts/check.

EXTENSION = stream_ingest
EXTVERSION = 0.1.0
MODULE_big = stream_ingest

SRC_C := $(sort $(wildcard src/*.c src/*/*.c))
SRC_CXX := $(sort $(wildcard src/*/*.cpp))
OBJS = $(SRC_C:.c=.o) $(SRC_CXX:.cpp=.o)

# The install script is the concatenation, in order, of sql/install/*.sql.
INSTALL_SQL = sql/$(EXTENSION)--$(EXTVERSION).sql
DATA_built = $(INSTALL_SQL)
DATA = $(wildcard sql/$(EXTENSION)--*--*.sql)

PG_CPPFLAGS = -I$(srcdir)/src -MMD -MP -DSI_VERSION='"$(EXTVERSION)"'
PG_CFLAGS = -std=gnu11 -O2 -Wall -Wextra -Wno-unused-parameter -Wno-sign-compare -Wno-missing-field-initializers -Wno-declaration-after-statement
PG_CXXFLAGS = -std=c++17 -O3 -fno-exceptions -fno-rtti -DSIMDJSON_EXCEPTIONS=0 -Wall
SHLIB_LINK = -lrdkafka -llz4 -lzstd -lroaring -lsimdjson -licui18n -licuuc -lstdc++ -lpthread

# No LLVM bitcode: nothing here is worth inlining into a query.
override with_llvm := no

# PostgreSQL 16 and later hide the symbols of a module; test/modules calls ours.
override CFLAGS_SL_MODULE :=
override CXXFLAGS_SL_MODULE :=

PG_CONFIG ?= pg_config
PGXS := $(shell $(PG_CONFIG) --pgxs)
include $(PGXS)

$(INSTALL_SQL): $(sort $(wildcard sql/install/*.sql))
	cat $^ > $@

# What a file includes is noted when it is compiled; without that note it is compiled again.
NOTES = $(OBJS:.o=.d)
NOTED := $(wildcard $(NOTES))
$(patsubst %.d,%.o,$(filter-out $(NOTED),$(NOTES))): not_noted
-include $(NOTED)

EXTRA_CLEAN = $(INSTALL_SQL) build $(NOTES)

# Unit tests of the pure parts (no server): see test/unit/Makefile.
unit:
	$(MAKE) -C test/unit PG_CONFIG=$(PG_CONFIG) check

.PHONY: unit not_noted
