#include <criterion/criterion.h>

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <weir/address.h>

#include "fault.h"
#include "harness.h"

enum {
	MAX_FOUND = 8,
	/* what fits into sun_path, less its NUL */
	MAX_PATH = 107
};

TestSuite(address, .init = harness_begin, .fini = harness_end);

static int listen_on(const char *text, struct weir_address *found)
{
	return weir_address_resolve(text, WEIR_ADDRESS_LISTEN, found,
				    MAX_FOUND);
}

static int connect_to(const char *text, struct weir_address *found)
{
	return weir_address_resolve(text, WEIR_ADDRESS_CONNECT, found,
				    MAX_FOUND);
}

static void expect_text(const struct weir_address *address, const char *text)
{
	char found[WEIR_ADDRESS_TEXT_SIZE];

	weir_address_format(address, found, sizeof found);
	cr_expect_str_eq(found, text);
}

Test(address, what_is_typed_is_understood_and_written_again)
{
	static const struct {
		const char *typed;
		const char *written;
		int family;
		int type;
	} table[] = {
		{"127.0.0.1:80", NULL, AF_INET, SOCK_STREAM},
		{"255.255.255.255:65535", NULL, AF_INET, SOCK_STREAM},
		{"1.2.3.4:0", NULL, AF_INET, SOCK_STREAM},
		{"1.2.3.4:00080", "1.2.3.4:80", AF_INET, SOCK_STREAM},
		{"[::1]:80", NULL, AF_INET6, SOCK_STREAM},
		{"[::]:0", NULL, AF_INET6, SOCK_STREAM},
		{"[2001:DB8:0:0::7]:1", "[2001:db8::7]:1", AF_INET6,
		 SOCK_STREAM},
		{"[fe80::1%lo]:80", "[fe80::1%1]:80", AF_INET6, SOCK_STREAM},
		{"[fe80::1%1]:80", NULL, AF_INET6, SOCK_STREAM},
		{"[::ffff:1.2.3.4]:80", "1.2.3.4:80", AF_INET6, SOCK_STREAM},
		{"udp:127.0.0.1:53", NULL, AF_INET, SOCK_DGRAM},
		{"udp:[::1]:53", NULL, AF_INET6, SOCK_DGRAM},
		{"unix:/run/weir", NULL, AF_UNIX, SOCK_STREAM},
		{"unix:weir.sock", NULL, AF_UNIX, SOCK_STREAM},
		{"unix:a:b c", NULL, AF_UNIX, SOCK_STREAM},
		{"unix:@weir", NULL, AF_UNIX, SOCK_STREAM},
		{"unix:@@", NULL, AF_UNIX, SOCK_STREAM},
		{"unixgram:/run/weir", NULL, AF_UNIX, SOCK_DGRAM},
		{"unixgram:@weir", NULL, AF_UNIX, SOCK_DGRAM},
		{"unix:/caf\xc3\xa9\n", "unix:/caf???", AF_UNIX, SOCK_STREAM},
	};
	struct weir_address a[MAX_FOUND];
	size_t i;

	for (i = 0; i < sizeof table / sizeof *table; i++) {
		const char *typed = table[i].typed;

		cr_assert_eq(connect_to(typed, a), 1, "%s", typed);
		cr_expect_eq(a[0].sa.any.sa_family, table[i].family, "%s",
			     typed);
		cr_expect_eq(a[0].type, table[i].type, "%s", typed);
		expect_text(a, table[i].written ? table[i].written : typed);
	}
}

Test(address, what_has_no_such_form_is_refused)
{
	static const char *const table[] = {
		"",
		":",
		"80",
		"localhost",
		"localhost:",
		"localhost:http",
		"localhost:+80",
		"localhost:-1",
		"localhost: 80",
		"localhost:80 ",
		"localhost:0x50",
		"localhost:65536",
		"localhost:4294967376",
		"localhost:18446744073709551696",
		" localhost:80",
		"local host:80",
		"localhost/:80",
		"http://localhost:80",
		"a:b:c",
		"a:b:80",
		"::1:80",
		"[]:80",
		"[:80",
		"]:80",
		"[::1]",
		"[::1]80",
		"[::1:80",
		"::1]:80",
		"[::1]]:80",
		"[[::1]]:80",
		"[localhost]:80",
		"[127.0.0.1]:80",
		"[%lo]:80",
		"*:80",
		"udp:*:80",
		"*.localhost:80",
		"1:80",
		"127.1:80",
		"1.2.3.256:80",
		"1.2.3.4.5:80",
		"1.2.3.4.:80",
		"udp:",
		"udp:80",
		"udp:unix:/x",
		"unix:",
		"unix:@",
		"unixgram:",
		"unixgram:@",
		"UNIX:/x",
	};
	struct weir_address a[MAX_FOUND];
	size_t i;

	for (i = 0; i < sizeof table / sizeof *table; i++)
		cr_expect_eq(connect_to(table[i], a), -EINVAL, "\"%s\"",
			     table[i]);
	cr_expect_eq(fault_count(FAULT_GETADDRINFO), 0,
		     "the resolver was asked about one of them");
}

Test(address, a_bare_port_listens_on_every_interface)
{
	struct weir_address a[MAX_FOUND];

	cr_assert_eq(listen_on(":80", a), 2);
	expect_text(&a[0], "[::]:80");
	expect_text(&a[1], "0.0.0.0:80");
	cr_assert_eq(listen_on("udp::53", a), 2);
	expect_text(&a[0], "udp:[::]:53");
	expect_text(&a[1], "udp:0.0.0.0:53");
}

Test(address, a_bare_port_connects_to_localhost)
{
	struct weir_address a[MAX_FOUND];
	struct weir_address b[MAX_FOUND];
	char text[WEIR_ADDRESS_TEXT_SIZE];
	int n = connect_to(":80", a);
	int i;

	cr_assert_geq(n, 1);
	cr_assert_eq(connect_to("localhost:80", b), n);
	for (i = 0; i < n; i++) {
		cr_expect_eq(memcmp(&a[i], &b[i], sizeof a[i]), 0);
		weir_address_format(&a[i], text, sizeof text);
		cr_expect(strcmp(text, "127.0.0.1:80") == 0 ||
				  strcmp(text, "[::1]:80") == 0,
			  "%s", text);
	}
}

Test(address, localhost_needs_no_resolver)
{
	static const int errors[] = {-ENOENT, -EAGAIN, -EINVAL};
	struct weir_address a[MAX_FOUND];
	size_t i;

	for (i = 0; i < sizeof errors / sizeof *errors; i++) {
		fault_next(FAULT_GETADDRINFO, errors[i]);
		cr_assert_eq(connect_to(":80", a), 2);
		expect_text(&a[0], "[::1]:80");
		expect_text(&a[1], "127.0.0.1:80");
	}
	fault_next(FAULT_GETADDRINFO, -ENOMEM);
	cr_expect_eq(connect_to(":80", a), -ENOMEM);
}

Test(address, what_the_resolver_says_is_passed_on)
{
	static const int errors[] = {-ENOENT, -EAGAIN, -ENOMEM};
	struct weir_address a[MAX_FOUND];
	size_t i;

	for (i = 0; i < sizeof errors / sizeof *errors; i++) {
		fault_next(FAULT_GETADDRINFO, errors[i]);
		cr_expect_eq(connect_to("weir.example:80", a), errors[i]);
	}
	cr_expect_eq(connect_to("[fe80::1%no-such-interface]:80", a), -ENOENT);
}

Test(address, a_host_longer_than_any_name_is_no_host)
{
	struct weir_address a[MAX_FOUND];
	char text[256 + sizeof ":80"];

	memset(text, 'a', sizeof text);
	strcpy(text + 256, ":80");
	cr_expect_eq(connect_to(text, a), -ENOENT);
	cr_expect_eq(fault_count(FAULT_GETADDRINFO), 0);
	fault_next(FAULT_GETADDRINFO, -EAGAIN);
	cr_expect_eq(connect_to(text + 1, a), -EAGAIN, "a shorter one");
}

Test(address, no_more_are_stored_than_asked_for)
{
	struct weir_address a[2];

	memset(a, 0x55, sizeof a);
	cr_assert_eq(weir_address_resolve(":80", WEIR_ADDRESS_LISTEN, a, 1), 1);
	expect_text(&a[0], "[::]:80");
	cr_expect_eq(a[1].type, 0x55555555);
}

static void make_long(char *text, const char *prefix, size_t n)
{
	size_t n_prefix = strlen(prefix);

	memcpy(text, prefix, n_prefix);
	memset(text + n_prefix, 'p', n);
	text[n_prefix + n] = '\0';
}

Test(address, a_path_fits_or_is_refused)
{
	static const char *const prefixes[] = {"unix:", "unixgram:", "unix:@"};
	struct weir_address a[MAX_FOUND];
	char text[WEIR_ADDRESS_TEXT_SIZE];
	size_t i;

	for (i = 0; i < sizeof prefixes / sizeof *prefixes; i++) {
		make_long(text, prefixes[i], MAX_PATH);
		cr_assert_eq(connect_to(text, a), 1, "%s", prefixes[i]);
		expect_text(a, text);
		make_long(text, prefixes[i], MAX_PATH + 1);
		cr_expect_eq(connect_to(text, a), -ENAMETOOLONG, "%s",
			     prefixes[i]);
	}
}

Test(address, a_length_is_what_the_kernel_wants)
{
	struct weir_address a[MAX_FOUND];

	cr_assert_eq(connect_to("unix:/x", a), 1);
	cr_expect_eq(a[0].len, offsetof(struct sockaddr_un, sun_path) + 3);
	cr_assert_eq(connect_to("unix:@x", a), 1);
	cr_expect_eq(a[0].len, offsetof(struct sockaddr_un, sun_path) + 2);
	cr_expect_eq(memcmp(a[0].sa.un.sun_path, "\0x", 2), 0);
	cr_assert_eq(connect_to("1.2.3.4:5", a), 1);
	cr_expect_eq(a[0].len, sizeof(struct sockaddr_in));
	cr_assert_eq(connect_to("[::1]:5", a), 1);
	cr_expect_eq(a[0].len, sizeof(struct sockaddr_in6));
}

Test(address, what_accept_can_give_is_written)
{
	struct weir_address a = {.type = SOCK_STREAM};
	char text[WEIR_ADDRESS_TEXT_SIZE];

	expect_text(&(struct weir_address){0}, "");
	a.sa.any.sa_family = AF_UNIX;
	a.len = sizeof a.sa.any.sa_family;
	expect_text(&a, "unix:");
	/* a path that fills sun_path, which the kernel counts a NUL beyond */
	memset(&a.sa, 'p', sizeof a.sa);
	a.sa.any.sa_family = AF_UNIX;
	a.len = sizeof a.sa.un + 1;
	make_long(text, "unix:", MAX_PATH + 1);
	expect_text(&a, text);
	memcpy(a.sa.un.sun_path, "\0a\0b", 4);
	a.len = offsetof(struct sockaddr_un, sun_path) + 4;
	expect_text(&a, "unix:@a?b");
}

/* A mapped one is the IPv4 address that it stands for, whatever is left out of
 * that prefix is not. */
Test(address, only_a_whole_prefix_makes_a_mapped_address)
{
	static const char *const texts[][2] = {
		{"[::ffff:1.2.3.4]:5", "1.2.3.4:5"},
		{"[::fffe:102:304]:5", "[::fffe:102:304]:5"},
		{"[::1:0:0:ffff:102:304]:5", "[::1:0:0:ffff:102:304]:5"},
		{"[1::ffff:102:304]:5", "[1::ffff:102:304]:5"}};
	struct weir_address a[MAX_FOUND];

	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		cr_assert_eq(connect_to(texts[i][0], a), 1);
		expect_text(a, texts[i][1]);
	}
}

Test(address, text_is_cut_to_its_room)
{
	struct weir_address a[MAX_FOUND];
	char text[8] = "1234567";

	cr_assert_eq(connect_to("127.0.0.1:80", a), 1);
	cr_expect_str_eq(weir_address_format(a, text, 5), "127.");
	cr_expect_eq(text[5], '6');
	cr_expect_str_eq(weir_address_format(a, text, 1), "");
}

static char random_printing(void)
{
	return (char)(' ' + harness_random_below('~' - ' ' + 1));
}

static void make_random_unix(struct weir_address *a)
{
	char *path = a->sa.un.sun_path;
	size_t n = 1 + harness_random_below(MAX_PATH - 1);
	bool is_abstract = harness_random_below(2) == 0;
	size_t i;

	a->sa.any.sa_family = AF_UNIX;
	for (i = 0; i <= n; i++)
		path[i] = random_printing();
	if (is_abstract)
		path[0] = '\0';
	else
		path[n] = '\0';
	if (path[0] == '@')
		path[0] = '/';
	a->len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n + 1);
}

static void make_random_ip(struct weir_address *a)
{
	in_port_t port = (in_port_t)harness_random();
	uint64_t bits[2] = {harness_random(), harness_random()};
	size_t n_zero = harness_random_below(sizeof bits);

	if (harness_random_below(2) == 0) {
		a->sa.in.sin_family = AF_INET;
		a->sa.in.sin_port = port;
		memcpy(&a->sa.in.sin_addr, bits, sizeof a->sa.in.sin_addr);
		a->len = sizeof a->sa.in;
		return;
	}
	a->sa.in6.sin6_family = AF_INET6;
	a->sa.in6.sin6_port = port;
	memcpy(&a->sa.in6.sin6_addr, bits, sizeof bits);
	/* a run of zeroes, to be written as "::" */
	memset(&a->sa.in6.sin6_addr.s6_addr[sizeof bits - n_zero], 0, n_zero);
	a->len = sizeof a->sa.in6;
	if (harness_random_below(4) == 0) {
		memcpy(&a->sa.in6.sin6_addr, "\xfe\x80\0\0\0\0\0", 8);
		a->sa.in6.sin6_scope_id =
			(uint32_t)(1 + harness_random_below(99));
	}
}

Test(address, whatever_is_written_is_understood_as_the_same)
{
	char text[WEIR_ADDRESS_TEXT_SIZE];
	struct weir_address found[MAX_FOUND];
	int i;

	for (i = 0; i < 5000; i++) {
		struct weir_address a = {0};

		a.type = harness_random_below(2) ? SOCK_STREAM : SOCK_DGRAM;
		if (harness_random_below(2) == 0)
			make_random_unix(&a);
		else
			make_random_ip(&a);
		weir_address_format(&a, text, sizeof text);
		cr_assert_eq(connect_to(text, found), 1, "%s", text);
		cr_assert_eq(found[0].type, a.type, "%s", text);
		cr_assert_eq(found[0].len, a.len, "%s", text);
		cr_assert_eq(memcmp(&found[0].sa, &a.sa, a.len), 0, "%s", text);
	}
}

Test(address, errors_are_told_in_words)
{
	cr_expect_str_eq(weir_address_error(-ENOENT), "no such host");
	cr_expect_str_eq(weir_address_error(-EINVAL), "not an address");
	cr_expect_str_eq(weir_address_error(-ENAMETOOLONG),
			 "path too long for a Unix socket");
	cr_expect_str_eq(weir_address_error(-EAGAIN),
			 "the name cannot be looked up at the moment");
	cr_expect_str_eq(weir_address_error(-EACCES), strerror(EACCES));
	cr_expect_not_null(weir_address_error(-99999));
}

Test(address, the_last_byte_that_is_printed_is_the_tilde)
{
	struct weir_address address;

	cr_assert_eq(listen_on("unix:/x~\x7f\x1f ", &address), 1);
	expect_text(&address, "unix:/x~?? ");
}
