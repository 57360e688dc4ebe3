/* events, as programs that others have written see it: curl, nginx between, and
 * a browser. */
#include <criterion/criterion.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "harness.h"
#include "test_server_events.h"
#include "test_server_relay.h"

enum {
	TEXT_SIZE = 65536,
	FILE_SIZE = 2048,
	PATH_SIZE = 128,
	N_LINES = 1000
};

TestSuite(server_events_peers, .init = harness_begin, .fini = harness_end,
	  .timeout = EVENTS_PATIENCE_S);

static struct served served;
static struct viewer viewer;
static struct event event;
static struct tool tool;
static char address[SERVED_ADDRESS_SIZE];
static char folder[] = "/tmp/weir-events-XXXXXX";

static void start(const char *service)
{
	served_start(&served, "--workers=2", service, NULL);
	served_address(&served, "events", address);
}

static void run(const char *const *argv)
{
	static char text[TEXT_SIZE];
	struct tool short_one;

	tool_start(&short_one, argv);
	cr_assert_eq(tool_wait(&short_one, text, sizeof text), 0, "%s: %s",
		     argv[0], text);
}

/* -- files -- */

static void make_folder(void)
{
	cr_assert_not_null(mkdtemp(folder));
}

static void remove_folder(void)
{
	run((const char *[]){"rm", "-rf", folder, NULL});
}

static void write_file(const char *name, const char *text)
{
	char path[PATH_SIZE];
	FILE *file;

	snprintf(path, sizeof path, "%s/%s", folder, name);
	file = fopen(path, "w");
	cr_assert_not_null(file);
	fputs(text, file);
	fclose(file);
}

/* -- curl -- */

static void start_curl(void)
{
	char url[SERVED_ADDRESS_SIZE + 8];

	snprintf(url, sizeof url, "http://%s/", address);
	tool_start(&tool, (const char *[]){"curl", "-sSN", url, NULL});
}

/* Of a stream that ends with the server. */
static void expect_curl(const char *begin, const char *end)
{
	static char text[TEXT_SIZE];

	cr_assert_eq(tool_wait(&tool, text, sizeof text), 0, "%s", text);
	cr_assert(strstr(text, begin), "%s", text);
	cr_assert(strstr(text, end), "%s", text);
}

static void post_by_curl(const char *at, const char *content)
{
	char url[SERVED_ADDRESS_SIZE + 8];

	snprintf(url, sizeof url, "http://%s/", at);
	run((const char *[]){"curl", "-sSf", "--data-binary", content, url,
			     NULL});
}

/* Its output begins when it has subscribed. */
static void await_output(void)
{
	char text[8];

	cr_assert_eq(read(tool.out, text, 6), 6);
}

Test(server_events_peers, is_read_and_written_by_curl)
{
	if (!has_tool("curl"))
		cr_skip_test("there is no curl here");
	start("events=127.0.0.1:0");
	start_curl();
	await_output();
	post_by_curl(address, "one\ntwo");
	events_post_lines(address, 3, N_LINES, 20);
	cr_assert_eq(served_stop(&served), 0);
	expect_curl("-1\ndata: one\n\nid: ", "-1002\ndata: line 1002 ");
}

/* -- nginx -- */

static void start_nginx(char at[SERVED_ADDRESS_SIZE])
{
	char config[FILE_SIZE];
	char path[PATH_SIZE];

	snprintf(at, SERVED_ADDRESS_SIZE, "127.0.0.1:%u", free_port());
	snprintf(config, sizeof config,
		 "daemon off; master_process off; pid %s/pid;\n"
		 "events {}\n"
		 "http { access_log off; client_body_temp_path %s/body;\n"
		 "proxy_temp_path %s/proxy; fastcgi_temp_path %s/fastcgi;\n"
		 "uwsgi_temp_path %s/uwsgi; scgi_temp_path %s/scgi;\n"
		 "server { listen %s; location / { proxy_pass http://%s;\n"
		 "proxy_set_header Host $http_host; proxy_buffering off; }}}\n",
		 folder, folder, folder, folder, folder, folder, at, address);
	write_file("nginx.conf", config);
	snprintf(path, sizeof path, "%s/nginx.conf", folder);
	tool_start(&tool,
		   (const char *[]){"nginx", "-e", "stderr", "-c", path, NULL});
	await_listener(at);
}

/* The browser's Origin and Host have the proxy's address. */
Test(server_events_peers, works_behind_nginx)
{
	char at[SERVED_ADDRESS_SIZE];
	char request[FILE_SIZE];

	if (!has_tool("nginx"))
		cr_skip_test("there is no nginx here");
	make_folder();
	start("events=127.0.0.1:0");
	start_nginx(at);
	viewer_open(&viewer, at, 0);
	events_post_lines(at, 1, N_LINES, 100);
	viewer_expect(&viewer, 1, N_LINES);
	viewer_close(&viewer);
	events_post_lines(at, N_LINES + 1, 10, 100);
	viewer_open(&viewer, at, 0);
	viewer_expect(&viewer, N_LINES + 1, 10);
	snprintf(request, sizeof request,
		 "POST / HTTP/1.1\r\nHost: %s\r\nOrigin: http://%s\r\n"
		 "Connection: close\r\nContent-Length: 1\r\n\r\nx",
		 at, at);
	cr_assert_eq(events_ask(at, request, NULL), 204);
	cr_assert(viewer_next(&viewer, &event));
	cr_assert_str_eq(event.data, "x");
	viewer_close(&viewer);
	tool_kill(&tool);
	remove_folder();
	cr_assert_eq(served_stop(&served), 0);
}

/* -- a browser -- */

/* It publishes what it sees: so the test sees it, too. A type of content that
 * forms do not have makes the browser ask first. */
static const char page[] =
	"<script>\n"
	"const url = 'http://%s/', seen = [];\n"
	"const say = text => fetch(url, {method: 'POST', body: text,\n"
	"	headers: {'Content-Type': 'application/json'}});\n"
	"const source = new EventSource(url);\n"
	"source.onopen = () => say('open');\n"
	"source.onmessage = e => {\n"
	"	seen.push(e.lastEventId.split('-')[1] + '=' + e.data);\n"
	"	if (e.data == 'end')\n"
	"		say('seen ' + JSON.stringify(seen));\n"
	"};\n"
	"source.addEventListener('missed', e => say('missed ' + e.data));\n"
	"</script>\n";

static void start_browser(void)
{
	char text[FILE_SIZE];
	char url[PATH_SIZE];
	char data[PATH_SIZE];

	snprintf(text, sizeof text, page, address);
	write_file("page.html", text);
	snprintf(url, sizeof url, "file://%s/page.html", folder);
	snprintf(data, sizeof data, "--user-data-dir=%s/data", folder);
	tool_start(&tool, (const char *[]){"chromium", "--headless",
					   "--no-sandbox", "--disable-gpu",
					   "--remote-debugging-port=0", data,
					   url, NULL});
}

static void stop_browser(void)
{
	static char text[TEXT_SIZE];

	kill(tool.pid, SIGTERM);
	tool_wait(&tool, text, sizeof text);
	remove_folder();
}

static void expect_next(const char *data)
{
	cr_assert(viewer_next(&viewer, &event));
	cr_assert_str_eq(event.data, data);
}

Test(server_events_peers, works_in_a_browser)
{
	char service[SERVED_ADDRESS_SIZE];

	if (!has_tool("chromium"))
		cr_skip_test("there is no chromium here");
	make_folder();
	snprintf(service, sizeof service, "events=127.0.0.1:%u,cors=*",
		 free_port());
	start(service);
	viewer_open(&viewer, address, 0);
	start_browser();
	expect_next("open");
	cr_assert_eq(events_post(address, "a\rb\r\n\nend"), 204);
	while (viewer_next(&viewer, &event))
		if (strncmp(event.data, "seen ", 5) == 0)
			break;
	cr_assert_str_eq(event.data, "seen [\"1=open\",\"2=a\\nb\",\"3=\","
				     "\"4=end\"]");
	/* it comes back to another server at that place, by itself */
	viewer_close(&viewer);
	cr_assert_eq(served_stop(&served), 0);
	start(service);
	viewer.id[0] = '\0';
	viewer_open(&viewer, address, 0);
	while (viewer_next(&viewer, &event))
		if (strncmp(event.data, "missed ", 7) == 0)
			break;
	cr_assert_str_eq(event.data, "missed unknown");
	viewer_close(&viewer);
	stop_browser();
	cr_assert_eq(served_stop(&served), 0);
}
