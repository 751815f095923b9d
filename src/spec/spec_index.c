/*
 * spec_index.c
 *		tuningConfig.indexSpec: the compression of chunks.
 *
 * Words are checked against the table of fields before; here they get their
 * meaning.
 */
#include "postgres.h"

#include "spec/shape.h"

#define INDEX	"spec.tuningConfig.indexSpec"

/* The codec that a member names; lzf, which nothing reads any more, is lz4. */
static SiCodec
codec_of(const SiJson *index, const char *member, bool quiet)
{
	const SiJson *value = si_json_get(index, member);
	const char *text;
	const SiWord *word;

	if (si_json_is_null(value) || !si_value_string(value, &text))
		return SI_CODEC_LZ4;
	word = si_spec_word(psprintf(INDEX ".%s", member), text);
	if (word == NULL || strcmp(word->word, "lz4") == 0)
		return SI_CODEC_LZ4;
	if (strcmp(word->word, "zstd") == 0)
		return SI_CODEC_ZSTD;
	if (strcmp(word->word, "lzf") != 0)
		return SI_CODEC_NONE;
	if (!quiet)
		ereport(NOTICE,
				(errmsg("%s lzf is stored as lz4", member),
				 errhint("Use lz4, zstd or uncompressed.")));
	return SI_CODEC_LZ4;
}

static void
build_codecs(SiSpecCodecs *codecs, const SiJson *index, bool quiet)
{
	codecs->dimensions = codec_of(index, "dimensionCompression", quiet);
	codecs->metrics = codec_of(index, "metricCompression", quiet);
}

void
si_spec_index(SiSpec *spec, const SiSpecShape *shape, bool quiet)
{
	build_codecs(&spec->codecs, si_spec_at(shape->root, INDEX), quiet);
	build_codecs(&spec->delta_codecs, si_spec_at(shape->root, INDEX "ForIntermediatePersists"), quiet);
}
