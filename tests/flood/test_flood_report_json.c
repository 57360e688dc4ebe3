#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "report.h"
#include "harness.h"
#include "document.h"
#include "test_flood_report.h"

TestSuite(flood_report_json, .init = harness_begin, .fini = harness_end);

/* The report of a run, which is freed, is valid and the expressions hold. */
static void expect_json(struct made_run *run, const char *expected,
			const char *expressions)
{
	char *text = made_report(report_json, run, expected);

	document_check_json(text, expressions);
	free(text);
}

Test(flood_report_json, the_figures_are_those_of_the_run)
{
	expect_json(
		made_run_open(), "p99<5ms,p50<1us",
		"it['valid'] is True\n"
		"it['outcome'] == 'breached'\n"
		"len(it['reasons']) == 1\n"
		"it['mode'] == 'echo'\n"
		"it['target'] == '127.0.0.1:7000'\n"
		"it['settings']['arrivals'] == 'fixed'\n"
		"it['settings']['rate_per_s'] == 20000\n"
		"it['seconds'] == 10\n"
		"it['messages'] == 199980\n"
		"it['messages_sent'] == 200000\n"
		"it['messages_drained'] == 20\n"
		"it['messages_per_s'] == 19998\n"
		"it['bytes_per_s'] == 2 * 64 * 19998\n"
		"it['latency_ns']['count'] == 199980\n"
		"24900 < it['latency_ns']['p50'] < 25100\n"
		"it['latency_ns']['p50'] < it['latency_ns']['p90'] < "
		"it['latency_ns']['p99'] < it['latency_ns']['p999'] < "
		"it['latency_ns']['p9999'] < it['latency_ns']['max']\n"
		"it['latency_ns']['p50'] < it['latency_ns']['p75'] < "
		"it['latency_ns']['p90'] < it['latency_ns']['p95']\n"
		"it['service_ns']['p50'] < it['latency_ns']['p50']\n"
		"it['lateness_ns']['max'] < 2400\n"
		"it['errors'] == 0\n"
		"it['corrupt'] == 0\n"
		"it['fairness'] == 0.99998\n"
		"it['healthy']['slowest_messages'] == 3990\n"
		"it['healthy']['bytes_acknowledged'] == 12799936\n"
		"it['generator']['cpu_share'] == 0.43\n"
		"it['generator']['unsent'] == 7\n"
		"[e['met'] for e in it['expectations']] == [True, False]\n"
		"it['expectations'][0]['limit'] == 5000000\n"
		"it['expectations'][0]['actual'] == it['latency_ns']['p99']\n"
		"len(it['timeline']) == 10\n"
		"it['timeline'][3]['at_s'] == 4\n"
		"it['timeline'][3]['p50_ns'] == 25600\n"
		"it['environment']['cpus'] == 2\n"
		"it['environment']['socket']['tcp']['congestion'] == 'cubic'\n"
		"it['comparison'] is None\n"
		"it['search'] is None\n"
		"it['settings']['transport'] == 'stream'\n"
		"it['datagrams'] is None\n"
		"it['timeline'][0]['lost'] is None\n"
		"it['broadcast'] is None\n");
}

Test(flood_report_json, what_a_run_does_not_have_is_null)
{
	expect_json(made_run_empty(), "p99<5ms",
		    "it['valid'] is False\n"
		    "it['messages'] == 0\n"
		    "it['messages_per_s'] is None\n"
		    "it['bytes_per_s'] is None\n"
		    "all(it['latency_ns'][k] is None for k in "
		    "('min', 'p50', 'p75', 'p90', 'p95', 'p99', 'p999', "
		    "'p9999', 'max', 'mean', "
		    "'stddev'))\n"
		    "it['latency_ns']['count'] == 0\n"
		    "it['fairness'] is None\n"
		    "it['healthy']['slowest'] is None\n"
		    "it['healthy']['bytes_acknowledged'] is None\n"
		    "it['settings']['rate_per_s'] is None\n"
		    "it['settings']['max_messages'] is None\n"
		    "it['first_error'] is None\n"
		    "it['expectations'][0]['actual'] is None\n"
		    "it['environment']['steal'] is None\n"
		    "it['timeline'] == []\n");
}

Test(flood_report_json, whatever_goes_wrong_is_counted_and_still_valid_json)
{
	expect_json(
		made_run_ugly(), NULL,
		"it['outcome'] == 'failed'\n"
		"it['interrupted'] is True\n"
		"len(it['reasons']) == 12\n"
		"it['errors'] == sum(it['errors_by_cause'].values()) == 28\n"
		"it['errors_by_cause']['connect_refused'] == 1\n"
		"it['corrupt'] == sum(it['corrupt_by_kind'].values())\n"
		"it['corrupt_by_kind']['changed'] == 4000\n"
		"it['first_error'].endswith('\\x01\\ufffd')\n"
		"it['latency_ns']['overflow'] == 1\n"
		"it['bad_peers']['half_close']['peers'] == 4\n"
		"it['broadcast'] == {'subscribers': 48, 'missed': 12}\n"
		"it['datagrams']['lost'] == 1234567\n"
		"it['datagrams']['loss'] == 1234567 / 200000\n"
		"it['datagrams']['repeated'] == 3\n"
		"it['datagrams']['reordered'] == 5\n"
		"it['datagrams']['overdue'] == 7\n"
		"it['datagrams']['unsent'] == 11\n"
		"it['datagrams']['dropped'] == 13\n"
		"it['timeline'][0]['lost'] == 0\n"
		"it['healthy']['connecting_s'] == 0.25\n"
		"it['settings']['publishers'] == 2\n"
		"it['comparison']['ratio'] == 1.083\n"
		"it['comparison']['high'] is None\n"
		"it['comparison']['rival_rounds'] == [10, None, None]\n"
		"it['search']['end'] == 'found'\n"
		"it['search']['rate_per_s'] == 1000\n"
		"it['search']['trials'][0]['outcome'] == 'invalid'\n"
		"it['search']['trials'][0]['p99_ns'] is None\n"
		"it['search']['trials'][1]['p99_ns'] == 2000000\n"
		"it['environment']['socket']['tcp'] is None\n");
}

Test(flood_report_json, without_verification_nothing_is_said_about_it)
{
	struct made_run *run = made_run_open();

	run->settings.is_verified = false;
	expect_json(run, NULL,
		    "it['corrupt'] is None\n"
		    "it['corrupt_by_kind']['lost'] is None\n");
}

/* "names" of all keys, with those of an object inside behind a point; the keys
 * that are documented for one of their kind are left out for the others.
 * "documented" of the names in the tables of the documentation. */
static const char names[] =
	"(f := lambda v, p: "
	"sum(([p + k] + f(c, p + k + '.') for k, c in v.items()), []) "
	"if isinstance(v, dict) else f(v[0], p[:-1] + '[].') "
	"if isinstance(v, list) and v else [])\n"
	"(others := ('service_ns.', 'lateness_ns.', 'bad_peers.trickle.', "
	"'bad_peers.reset.', 'bad_peers.half_close.', 'bad_peers.idle.'))\n"
	"(names := {n for n in f(it, '') if not n.startswith(others)})\n"
	"(documented := {line.split('`')[1] for line in "
	"open('docs/weir-flood-json.md') if line.startswith('| `')})\n";

static void expect_names(struct made_run *run, const char *expected,
			 const char *expression)
{
	char expressions[sizeof names + 256];

	(void)snprintf(expressions, sizeof expressions, "%s%s\n", names,
		       expression);
	expect_json(run, expected, expressions);
}

Test(flood_report_json, a_run_that_has_everything_has_all_documented_keys)
{
	struct made_run *run = made_run_ugly();

	run->result.environment.socket.is_tcp = true;
	expect_names(
		run, "p99<5ms",
		"names ^ documented == set() or print(names ^ documented)");
}

Test(flood_report_json, every_run_has_the_keys_of_the_outermost_object)
{
	static const char outermost[] =
		"set(it) == {n for n in documented if '.' not in n}";

	expect_names(made_run_empty(), NULL, outermost);
	expect_names(made_run_single(), NULL, outermost);
	expect_names(made_run_open(), NULL, outermost);
}

Test(flood_report_json, a_full_disk_is_told)
{
	FILE *full = fopen("/dev/full", "we");
	struct made_run *run = made_run_open();

	cr_assert_not_null(full);
	cr_expect_eq(report_json(full, &run->result, NULL), -ENOSPC);
	(void)fclose(full);
	made_run_free(run);
}
