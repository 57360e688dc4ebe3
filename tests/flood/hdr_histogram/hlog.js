'use strict';
// HdrHistogram's own idea of a log, for tests/test_hlog_js.c.
//
//	node hlog.js read FILE	  decode FILE
//	node hlog.js write FILE	  make FILE
//	node hlog.js hgrm FILE	  print the table of percentiles of all its tags
//
// The first two print a line for each tag: its name, the sum of its intervals in
// microseconds, how many values it holds, their mean, and the percentiles.

const fs = require('fs');
const hdr = require('hdr-histogram-js');

const PERCENTILES = [1, 10, 50, 90, 99, 99.9, 99.99, 100];

// No value is above an hour, as in Weir.
function histogram(digits, lowest) {
	return hdr.build({
		bitBucketSize: 64,
		lowestDiscernibleValue: lowest,
		highestTrackableValue: 4398046511103,
		numberOfSignificantValueDigits: digits,
	});
}

function print(tag, seconds, h) {
	const values = PERCENTILES.map((p) => h.getValueAtPercentile(p));

	console.log(tag, Math.round(seconds * 1e6), h.totalCount,
		h.mean.toFixed(3), ...values);
}

function read(path) {
	const reader = new hdr.HistogramLogReader(
		fs.readFileSync(path, 'utf8'), 64);
	const sums = new Map();
	let interval;

	while ((interval = reader.nextIntervalHistogram()) !== null) {
		const tag = interval.tag === 'NO TAG' ? '-' : interval.tag;
		const sum = sums.get(tag) ??
			{ seconds: 0, histogram: histogram(3, 1) };

		sum.histogram.add(interval);
		sum.seconds += (interval.endTimeStampMsec -
			interval.startTimeStampMsec) / 1000;
		sums.set(tag, sum);
	}
	for (const [tag, sum] of sums)
		print(tag, sum.seconds, sum.histogram);
}

// The same numbers in each run, from 0 to below 1.
let state = 1;

function random() {
	state = (Math.imul(state, 1103515245) + 12345) >>> 0;
	return state / 2 ** 32;
}

function fill(h) {
	for (let i = 0; i < 20000; i++)
		h.recordValue(Math.floor(1000 / (1 - random()) ** 1.5) +
			(i % 500 ? 0 : 1e9));
}

function write(path) {
	const start = 1767225600000;
	let log = '';
	const writer = new hdr.HistogramLogWriter((text) => { log += text; });

	writer.outputLogFormatVersion();
	writer.outputComment('[Made by hdr-histogram-js]');
	writer.outputStartTime(start);
	writer.outputLegend();
	for (const [tag, digits, lowest] of [['digits-3', 3, 1],
		['digits-1', 1, 1], ['digits-5', 5, 1], ['lowest-1000', 3, 1000]]) {
		const sum = histogram(digits, lowest);

		for (let second = 0; second < 3; second++) {
			const h = histogram(digits, lowest);

			fill(h);
			h.tag = tag;
			h.startTimeStampMsec = start + 1000 * second;
			h.endTimeStampMsec = start + 1000 * (second + 1);
			writer.outputIntervalHistogram(h, undefined, undefined, 1e6);
			sum.add(h);
		}
		print(tag, 3, sum);
	}
	fs.writeFileSync(path, log);
}

function hgrm(path) {
	const reader = new hdr.HistogramLogReader(
		fs.readFileSync(path, 'utf8'), 64);
	const sum = histogram(3, 1);
	let interval;

	while ((interval = reader.nextIntervalHistogram()) !== null)
		sum.add(interval);
	process.stdout.write(sum.outputPercentileDistribution(5, 1e6));
}

({ read, write, hgrm })[process.argv[2]](process.argv[3]);
