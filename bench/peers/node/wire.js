// Node's `ws` on the wire: the questions of bench/questions/wire.hpp, against the same load server. It speaks the command line of
// the other programs (bench/README.md): list, run. The package is npm's, or Debian's node-ws, which lies outside the path of
// a Node that is not Debian's.
'use strict';

const { spawn, spawnSync } = require('child_process');
const fs = require('fs');
const https = require('https');

const PACKAGE = ['ws', '/usr/share/nodejs/ws'].find((name) => {
  try {
    return require.resolve(name);
  } catch {
    return false;
  }
});
if (!PACKAGE) fail('the package ws is not here');
const WebSocket = require(PACKAGE);
const VERSION = `${require(PACKAGE + '/package.json').version}, Node ${process.versions.node}`;

const SUBSCRIBE = '{"method":"subscribe","params":{"channel":"trade","symbol":["BTC/USD"]},"req_id":1}';
const TRADE_BEGINS = Buffer.from(
  '{"channel":"trade","type":"update","data":[{"symbol":"BTC/USD","side":"sell","price":63501.5,"qty":0.00126700,' +
    '"ord_type":"market","trade_id":');
const MESSAGES_A_LOOK = 4000;
const QUESTIONS = { wire_1k: 1000, wire_20k: 20000, wire_100k: 100000, stream_text: 0 };

function fail(why) {
  console.error(why);
  process.exit(2);
}

function monotonicNs() {
  const [s, ns] = process.hrtime();
  return s * 1e9 + ns;
}

function isTrade(text) {
  return text.length > TRADE_BEGINS.length && TRADE_BEGINS.compare(text, 0, TRADE_BEGINS.length) === 0;
}

// The trade's id, looked up where it is known to stand.
function dueIn(text) {
  let due = 0;
  for (let i = TRADE_BEGINS.length; text[i] >= 48 && text[i] <= 57; ++i) due = due * 10 + text[i] - 48;
  return due;
}

function quantile(values, q) {
  values.sort((a, b) => a - b);
  return values[Math.floor(q * (values.length - 1) + 0.5)];
}

function measure(question, options) {
  const rate = QUESTIONS[question];
  const wanted = options.tiny ? (rate ? 50 : 20000) : rate ? Math.max(rate, 2000) : 200000;
  const server = spawn(options.server, ['serve', rate ? 'rate' : 'text', wanted, rate || 1000, options.peerCpu],
    { stdio: ['ignore', 'pipe', 'inherit'] });
  const latencies = new Float64Array(rate ? wanted : 0);
  const costs = [];
  let messages = 0;
  let lookAt = 1;
  let lookedAt = 0;
  let lookedNs = 0;

  const end = (why) => {
    server.kill();
    if (why) fail(`${question}, Node ws: ${why}`);
    if (!rate && costs.length === 0) fail('all came in one turn: nothing to time');
    const figure = { question, contender: 'Node ws', version: VERSION };
    if (rate) {
      figure.percentiles = [50, 75, 90, 95, 99, 99.5, 99.9, 99.95, 99.99, 100].map((p) => [p, quantile(latencies, p / 100)]);
      figure.value = figure.percentiles[0][1];
    } else {
      figure.value = quantile(costs, 0.25);
    }
    console.log(JSON.stringify(figure));
    process.exit(0);
  };
  const onMessage = (text, binary) => {
    if (binary || !isTrade(text)) return;
    if (rate) {
      latencies[messages++] = monotonicNs() - dueIn(text);
    } else if (++messages >= lookAt) {
      const now = monotonicNs();
      if (lookedAt !== 0) costs.push((now - lookedNs) / (messages - lookedAt));
      lookedNs = now;
      lookedAt = messages;
      lookAt = messages + MESSAGES_A_LOOK;
    }
    if (messages === wanted) end();
  };
  setTimeout(() => end(`only ${messages} of ${wanted} messages came`), 30000);
  server.on('error', (why) => end(why.message));
  server.stdout.once('data', (line) => {
    const told = JSON.parse(line);
    const agent = new https.Agent({ ca: told.ca });
    const socket = new WebSocket(`wss://localhost:${told.port}/v2`, { agent, perMessageDeflate: false });
    socket.on('open', () => socket.send(SUBSCRIBE));
    socket.on('message', onMessage);
    socket.on('error', (why) => end(why.message));
    socket.on('close', () => end(`the connection ended after ${messages} messages`));
  });
}

function optionsOf(words) {
  const options = { tiny: false, cpu: '0', peerCpu: '0', server: '', pinned: false };
  const named = { '--cpu': 'cpu', '--peer-cpu': 'peerCpu', '--server': 'server', '--frames': 'frames' };
  for (let i = 0; i < words.length; ++i) {
    if (words[i] === '--tiny' || words[i] === '--pinned') options[words[i].slice(2)] = true;
    else if (named[words[i]] && i + 1 < words.length) options[named[words[i]]] = words[++i];
    else fail(`no such option: ${words[i]}`);
  }
  return options;
}

// Node cannot pin itself: it runs again under taskset, and looks whether it is pinned.
function run(question, words) {
  const options = optionsOf(words);
  if (options.tiny) return measure(question, options);
  if (!options.pinned) {
    const again = ['-c', options.cpu, process.execPath, __filename, 'run', question, 'Node ws', ...words, '--pinned'];
    const done = spawnSync('taskset', again, { stdio: 'inherit' });
    process.exit(done.error ? fail(`cannot pin: ${done.error.message}`) : done.status);
  }
  const allowed = /^Cpus_allowed_list:\s*(\S+)/m.exec(fs.readFileSync('/proc/self/status', 'utf8'))[1];
  if (allowed !== options.cpu) fail(`wanted cpu ${options.cpu}, may run on ${allowed}`);
  measure(question, options);
}

const [verb, question, contender, ...rest] = process.argv.slice(2);
if (verb === 'list') {
  for (const each of Object.keys(QUESTIONS)) {
    console.log(JSON.stringify({ question: each, contender: 'Node ws', version: VERSION }));
  }
} else if (verb === 'run' && question in QUESTIONS && contender === 'Node ws') {
  run(question, rest);
} else {
  fail('use: list | run QUESTION "Node ws" [--tiny] [--cpu N] [--peer-cpu N] [--server F]');
}
