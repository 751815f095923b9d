# fuzz_spec: all of the extension in one library with the sanitizers, and a program that runs it in a server (in_server).

SERVER = $(OUT)/server
SERVER_C := $(shell cd $(ROOT) && ls src/*/*.c)
SERVER_CXX := $(shell cd $(ROOT) && ls src/*/*.cpp)
SERVER_OBJS := $(SERVER_C:%.c=$(SERVER)/%.o) $(SERVER_CXX:%.cpp=$(SERVER)/%.o) $(SERVER)/fuzz_spec.o
SERVER_FLAGS = -fPIC -DSI_VERSION='"fuzz"'
MACHINE := $(shell uname -m)
RUNTIME := $(shell $(CLANG) --print-file-name=libclang_rt.fuzzer_no_main-$(MACHINE).a)
ASAN := $(shell $(CLANG) --print-file-name=libclang_rt.asan-$(MACHINE).so)

$(SERVER)/src/%.o: $(ROOT)/src/%.c $(HEADERS)
	@mkdir -p $(dir $@)
	$(CLANG) $(CPPFLAGS) $(CFLAGS) $(SERVER_FLAGS) -c -o $@ $<

$(SERVER)/src/%.o: $(ROOT)/src/%.cpp $(HEADERS)
	@mkdir -p $(dir $@)
	$(CLANGXX) $(CPPFLAGS) $(CXXFLAGS) $(SERVER_FLAGS) -c -o $@ $<

$(SERVER)/fuzz_spec.o: fuzz_spec.c $(HEADERS)
	@mkdir -p $(dir $@)
	$(CLANG) $(CPPFLAGS) $(CFLAGS) $(SERVER_FLAGS) -c -o $@ $<

# Coverage goes to libFuzzer, not to the functions of the same names in the sanitizer's library that do nothing.
$(OUT)/fuzz_spec.so: $(SERVER_OBJS)
	$(CLANGXX) -shared -Wl,-Bsymbolic -fsanitize=address,undefined -shared-libasan -o $@ $(SERVER_OBJS) $(RUNTIME) $(USED)

$(OUT)/fuzz_spec: in_server $(OUT)/fuzz_spec.so
	printf 'BIN=%s\nASAN=%s\n' '$(shell $(PG_CONFIG) --bindir)' '$(ASAN)' >$@.env
	cp in_server $@
