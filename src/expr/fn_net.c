/*
 * fn_net.c
 *		Functions of expressions: internet addresses.
 */
#include "common/port.h"

#include <arpa/inet.h>

#include "expr/expr_int.h"

typedef struct Subnet
{
	int			family;
	int			bits;
	unsigned char address[16];
} Subnet;

/* The address in a text, in network order; false when there is none. */
static bool
read_address(int family, const char *s, size_t len, unsigned char *address)
{
	char		copy[64];

	if (len == 0 || len >= sizeof(copy) || memchr(s, '\0', len) != NULL)
		return false;
	memcpy(copy, s, len);
	copy[len] = '\0';
	return inet_pton(family, copy, address) == 1;
}

static bool
prepare_subnet(SiExprNode *n, int family, int max_bits, SiReason *why)
{
	Subnet	   *net = palloc0(sizeof(Subnet));
	const char *text;
	const char *slash;
	char	   *end;
	long		bits;

	if (!si_expr_is_literal_text(n->args[1]))
		return si_format_reason(why, "the subnet must be a literal");
	text = si_expr_literal(n->args[1]);
	slash = strchr(text, '/');
	bits = slash == NULL ? max_bits : strtol(slash + 1, &end, 10);
	if ((slash != NULL && (slash[1] == '\0' || *end != '\0')) || bits < 0 || bits > max_bits ||
		!read_address(family, text, slash != NULL ? slash - text : strlen(text), net->address))
		return si_format_reason(why, "\"%.*s\" is not a subnet such as %s", si_format_clip(text, strlen(text)), text,
								family == AF_INET ? "192.168.0.0/16" : "2001:db8::/32");
	net->family = family;
	net->bits = (int) bits;
	n->prepared = net;
	return true;
}

static bool
prepare_ipv4(SiExprNode *n, SiReason *why)
{
	return prepare_subnet(n, AF_INET, 32, why);
}

static bool
prepare_ipv6(SiExprNode *n, SiReason *why)
{
	return prepare_subnet(n, AF_INET6, 128, why);
}

static bool
in_subnet(const Subnet *net, const unsigned char *address)
{
	int			bytes = net->bits / 8;
	int			rest = net->bits % 8;

	if (memcmp(net->address, address, bytes) != 0)
		return false;
	return rest == 0 || ((net->address[bytes] ^ address[bytes]) >> (8 - rest)) == 0;
}

/* An IPv4 address given as text or as number. */
static bool
ipv4_of(SiEval *ev, const SiExprValue *v, unsigned char *address)
{
	const char *s;
	uint32		len;

	if (!v->isnull && v->type == SI_EXPR_LONG)
	{
		if (v->u.i < 0 || v->u.i > PG_UINT32_MAX)
			return false;
		for (int i = 0; i < 4; i++)
			address[i] = (unsigned char) (v->u.i >> (24 - 8 * i));
		return true;
	}
	return !v->isnull && v->type == SI_EXPR_STRING && si_expr_as_text(ev, v, &s, &len) &&
		read_address(AF_INET, s, len, address);
}

static bool
fn_ipv4_match(SiEval *ev, const SiExprNode *n, const SiExprValue *args, SiExprValue *out)
{
	unsigned char address[4];

	return si_expr_return(out, si_expr_bool(ipv4_of(ev, &args[0], address) && in_subnet(n->prepared, address)));
}

static bool
fn_ipv6_match(SiEval *ev, const SiExprNode *n, const SiExprValue *args, SiExprValue *out)
{
	unsigned char address[16];
	const char *s;
	uint32		len;

	return si_expr_return(out, si_expr_bool(!args[0].isnull && args[0].type == SI_EXPR_STRING &&
											si_expr_as_text(ev, &args[0], &s, &len) &&
											read_address(AF_INET6, s, len, address) && in_subnet(n->prepared, address)));
}

static bool
fn_ipv4_parse(SiEval *ev, const SiExprNode *n, const SiExprValue *args, SiExprValue *out)
{
	unsigned char a[4];

	if (!ipv4_of(ev, &args[0], a))
		return si_expr_return(out, si_expr_null());
	return si_expr_return(out, si_expr_long(((int64) a[0] << 24) | (a[1] << 16) | (a[2] << 8) | a[3]));
}

static bool
fn_ipv4_stringify(SiEval *ev, const SiExprNode *n, const SiExprValue *args, SiExprValue *out)
{
	unsigned char a[4];
	char		text[32];

	if (!ipv4_of(ev, &args[0], a))
		return si_expr_return(out, si_expr_null());
	return si_expr_return(out, si_expr_copy(ev, text, snprintf(text, sizeof(text), "%d.%d.%d.%d", a[0], a[1], a[2], a[3])));
}

const SiExprFunction si_fn_net[] = {
	{"ipv4_match", 2, 2, .call = fn_ipv4_match, .prepare = prepare_ipv4},
	{"ipv4_parse", 1, 1, .call = fn_ipv4_parse},
	{"ipv4_stringify", 1, 1, .call = fn_ipv4_stringify},
	{"ipv6_match", 2, 2, .call = fn_ipv6_match, .prepare = prepare_ipv6},
	{NULL}
};
