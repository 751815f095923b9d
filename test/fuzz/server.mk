# fuzz_spec: all of the extension in one library with the sanitizers, and a program that runs it in a server (in_server).

SERVER = $(OUT)/server
SERVER_C := $(shell cd $(ROOT) && ls src/*/*.c)
SERVER_CXX := $(shell cd $(ROOT) && ls src/*/*.cpp)
SERVER_OBJS := $(SERVER_C:%.c=$(SERVER)/%.o) $(SERVER_CXX:%.cpp=$(SERVER)/%.o) $(SERVER)/fuzz_spec.o
SERVER_CFLAGS = $(subst $(SANITIZERS),$(SERVER_SANITIZE),$(CFLAGS)) -fPIC -DSI_VERSION='"fuzz"'
SERVER_CXXFLAGS = $(subst $(SANITIZERS),$(SERVER_SANITIZE),$(CXXFLAGS)) -fPIC
MACHINE := $(shell uname -m)
RUNTIME := $(shell $(CLANG) --print-file-name=libclang_rt.fuzzer_no_main-$(MACHINE).a)
BIN := $(shell $(PG_CONFIG) --bindir)
# The sanitizer of addresses must be there when the server starts, with what keeps it from hanging then (swift_demangle.c).  Where a
# server does not start with it all the same, undefined behaviour and what fuzz_spec.c itself demands are looked for, and no leaks.
ifneq ($(or $(findstring fuzz_spec,$(MAKECMDGOALS)),$(if $(MAKECMDGOALS),,all),$(filter all,$(MAKECMDGOALS))),)
ASAN := $(shell mkdir -p $(OUT); so=$$($(CLANG) --print-file-name=libclang_rt.asan-$(MACHINE).so):$(OUT)/swift_demangle.so; \
	$(CLANG) -shared -fPIC -o $(OUT)/swift_demangle.so swift_demangle.c && \
	LD_PRELOAD=$$so ASAN_OPTIONS=detect_leaks=0 timeout 10 $(BIN)/postgres -V >/dev/null 2>&1 && echo $$so)
endif
ifneq ($(ASAN),)
SERVER_SANITIZE = -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined
SERVER_LINK = -fsanitize=address,undefined -shared-libasan
else
SERVER_SANITIZE = -fsanitize=fuzzer-no-link,undefined -fsanitize-trap=undefined
SERVER_LINK =
endif

$(SERVER)/src/%.o: $(ROOT)/src/%.c $(HEADERS)
	@mkdir -p $(dir $@)
	$(CLANG) $(CPPFLAGS) $(SERVER_CFLAGS) -c -o $@ $<

$(SERVER)/src/%.o: $(ROOT)/src/%.cpp $(HEADERS)
	@mkdir -p $(dir $@)
	$(CLANGXX) $(CPPFLAGS) $(SERVER_CXXFLAGS) -c -o $@ $<

$(SERVER)/fuzz_spec.o: fuzz_spec.c $(HEADERS)
	@mkdir -p $(dir $@)
	$(CLANG) $(CPPFLAGS) $(SERVER_CFLAGS) -c -o $@ $<

# Coverage goes to libFuzzer, not to the functions of the same names in the sanitizer's library that do nothing.
$(OUT)/fuzz_spec.so: $(SERVER_OBJS)
	$(CLANGXX) -shared -Wl,-Bsymbolic $(SERVER_LINK) -o $@ $(SERVER_OBJS) $(RUNTIME) $(USED)

$(OUT)/fuzz_spec: in_server $(OUT)/fuzz_spec.so
	printf 'BIN=%s\nASAN=%s\n' '$(BIN)' '$(ASAN)' >$@.env
	cp in_server $@
