//! ergon-io on the wire: the questions of bench/questions/wire.hpp, against the same load server; and its WebSocket
//! client alone, over keys that a handshake with that server made.
use crate::books::Books;
use crate::frames;
use crate::measure::{monotonic_ns, quantile, Contender, Figure, Measured, Run};
use ergon_io::{
    tls, Config, ConnId, Driver, Error, Handler, RxMeta, Target, TextCheck, WsConn, WsDial, WsHandler, WsOptions,
};
use rustls::pki_types::{pem::PemObject, CertificateDer};
use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

const SUBSCRIBE: &str =
    r#"{"method":"subscribe","params":{"channel":"trade","symbol":["BTC/USD"]},"req_id":1}"#;
const SUBSCRIBE_BOOKS: &str =
    r#"{"method":"subscribe","params":{"channel":"book","symbol":["BTC/USD","ETH/USD"],"depth":10},"req_id":1}"#;
const TRADE_BEGINS: &[u8] = br#"{"channel":"trade","type":"update","data":[{"symbol":"BTC/USD","side":"sell","price":63501.5,"qty":0.00126700,"ord_type":"market","trade_id":"#;
const MESSAGES_A_LOOK: u64 = 4_000;

struct Server {
    process: Child,
    port: u16,
    roots: rustls::RootCertStore,
}

impl Server {
    fn start(run: &Run, kind: &str, messages: u64, rate: u64) -> Result<Server, String> {
        let mut process = Command::new(&run.server)
            .args(["serve", kind, &messages.to_string(), &rate.to_string(), &run.peer_cpu.to_string()])
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|why| format!("--server {}: {why}", run.server))?;
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).map_err(|why| why.to_string())?;
        let told: serde_json::Value = serde_json::from_str(&line).map_err(|why| format!("load server: {why}"))?;
        let mut roots = rustls::RootCertStore::empty();
        for each in CertificateDer::pem_slice_iter(told["ca"].as_str().unwrap_or("").as_bytes()) {
            roots.add(each.map_err(|why| why.to_string())?).map_err(|why| why.to_string())?;
        }
        Ok(Server { process, port: told["port"].as_u64().unwrap_or(0) as u16, roots })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[derive(Default)]
struct Arrivals {
    latency: bool,
    latencies: Vec<f64>,
    costs: Vec<f64>,
    messages: u64,
    look_at: u64,
    looked_at: u64,
    looked_ns: i64,
}

impl Arrivals {
    fn on_text(&mut self, text: &[u8]) {
        if !self.latency {
            self.messages += u64::from(text.starts_with(br#"{"channel":"trade""#));
        } else if let Some(due_ns) = due_in(text) {
            self.latencies.push((monotonic_ns() - due_ns).max(0) as f64);
            self.messages += 1;
        }
    }
    /// Between two turns of the client's loop.
    fn look(&mut self) {
        if self.latency || self.messages < self.look_at.max(1) {
            return;
        }
        let now = monotonic_ns();
        if self.looked_at != 0 {
            self.costs.push((now - self.looked_ns) as f64 / (self.messages - self.looked_at) as f64);
        }
        self.looked_ns = now;
        self.looked_at = self.messages;
        self.look_at = self.messages + MESSAGES_A_LOOK;
    }
}

/// The trade's id, looked up where it is known to stand (bench/load_server.hpp).
fn due_in(text: &[u8]) -> Option<i64> {
    let mut due = 0;
    for digit in text.strip_prefix(TRADE_BEGINS)?.iter().take_while(|byte| byte.is_ascii_digit()) {
        due = due * 10 + i64::from(digit - b'0');
    }
    Some(due)
}

#[derive(Default)]
struct Feed {
    opened: Option<ConnId>,
    closed: Option<String>,
    arrivals: Arrivals,
    books: Option<Books>,
    unverified: u64,
}

impl Handler for Feed {
    fn on_open(&mut self, id: ConnId) {
        self.opened = Some(id);
    }
    fn on_closed(&mut self, _: ConnId, error: Error) {
        self.closed = Some(error.to_string());
    }
}

impl WsHandler for Feed {
    fn on_message(&mut self, _: ConnId, _: u8, payload: &[u8], _: &RxMeta, _: u16) {
        let Some(books) = &mut self.books else {
            return self.arrivals.on_text(payload);
        };
        if payload.starts_with(br#"{"channel":"book""#) {
            let verified = std::str::from_utf8(payload).is_ok_and(|text| books.apply(text));
            self.unverified += u64::from(!verified);
            self.arrivals.messages += 1;
        }
    }
}

fn ergon(run: &Run, kind: &str, messages: u64, rate: u64) -> Result<Arrivals, String> {
    let mut server = Server::start(run, kind, messages, rate)?;
    let text = |why: Error| why.to_string();
    let config = tls::client_config(std::mem::replace(&mut server.roots, rustls::RootCertStore::empty())).map_err(text)?;
    let mut driver: Driver<WsConn> =
        Driver::new(Config::parse("recv-busy").map_err(text)?).map_err(text)?;
    driver
        .connect(WsDial::new(Target::new("127.0.0.1", server.port, "/v2"), config, 1 << 20).map_err(text)?)
        .map_err(text)?;
    let mut feed = Feed::default();
    feed.arrivals.latency = kind == "rate";
    feed.arrivals.latencies.reserve(messages as usize);
    feed.books = (kind == "books").then(Books::new);
    let until = monotonic_ns() + 30_000_000_000;
    while feed.arrivals.messages < messages && feed.closed.is_none() && monotonic_ns() < until {
        driver.poll(&mut feed).map_err(text)?;
        feed.arrivals.look();
        if let Some(id) = feed.opened.take() {
            if let Some(mut connection) = driver.get_mut(id) {
                let books = feed.books.is_some();
                connection.send_text(if books { SUBSCRIBE_BOOKS } else { SUBSCRIBE }).map_err(text)?;
            }
        }
    }
    if feed.arrivals.messages < messages {
        let why = feed.closed.unwrap_or_else(|| "time is over".into());
        return Err(format!("{} of {messages} messages came: {why}", feed.arrivals.messages));
    }
    if feed.unverified != 0 {
        return Err("a checksum did not verify".into());
    }
    Ok(feed.arrivals)
}

fn latency(run: &Run) -> Measured {
    let messages = if run.tiny { 50 } else { run.size.max(2_000) };
    let mut all = ergon(run, "rate", messages, run.size)?.latencies;
    let percentiles = [50.0, 75.0, 90.0, 95.0, 99.0, 99.5, 99.9, 99.95, 99.99, 100.0]
        .map(|percent| (percent, quantile(&mut all, percent / 100.0)));
    Ok(Figure { value: percentiles[0].1, percentiles: percentiles.to_vec() })
}

fn stream(run: &Run, kind: &str) -> Measured {
    let mut costs = ergon(run, kind, if run.tiny { 20_000 } else { 200_000 }, 1_000)?.costs;
    if costs.is_empty() {
        return Err("all came in one turn: nothing to time".into());
    }
    Ok(Figure::of(quantile(&mut costs, 0.25)))
}

struct Frames {
    connection: WsConn,
    read: Read,
}

#[derive(Default)]
struct Read {
    bytes: usize,
}

impl Handler for Read {}

impl WsHandler for Read {
    fn on_message(&mut self, _: ConnId, _: u8, payload: &[u8], _: &RxMeta, _: u16) {
        self.bytes += std::hint::black_box(payload).len();
    }
}

impl frames::Client for Frames {
    fn read(&mut self, bytes: &[u8]) -> Result<usize, String> {
        self.read.bytes = 0;
        self.connection
            .preload_plain(bytes)
            .and_then(|()| {
                self.connection.deliver_staged(ConnId::from_parts(0, 0), &RxMeta::default(), &mut self.read)
            })
            .map_err(|why| why.to_string())?;
        Ok(self.read.bytes)
    }
}

fn ergon_frames(run: &Run, many: bool) -> Measured {
    let mut server = Server::start(run, "text", 1, 1_000)?;
    let text = |why: Error| why.to_string();
    let roots = std::mem::replace(&mut server.roots, rustls::RootCertStore::empty());
    let config = tls::client_config(roots).map_err(text)?;
    let mut socket = TcpStream::connect(("127.0.0.1", server.port)).map_err(|why| why.to_string())?;
    let (keys, _) = tls::handshake(&mut socket, config, "localhost").map_err(text)?;
    let options = WsOptions { text_check: TextCheck::Utf8, ..WsOptions::default() };
    let connection = WsConn::from_record_layer(socket, keys, &options).map_err(text)?;
    frames::measure(run, many, &mut Frames { connection, read: Read::default() })
}

pub fn register(all: &mut Vec<Contender>) {
    let named = |question, measure| Contender::new(question, "ergon-io", "0.1.34", measure);
    for rate in [1_000, 20_000, 100_000] {
        all.push(named("wire", latency).sized(rate));
    }
    all.push(named("stream_text", |run| stream(run, "text")));
    all.push(Contender::new("stream_books", "ergon-io + kraken-book", "0.1.34 + 0.1.0", |run| stream(run, "books")));
    all.push(named("frame_many", |run| ergon_frames(run, true)));
    all.push(named("frame_one", |run| ergon_frames(run, false)));
}
