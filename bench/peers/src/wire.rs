//! Rust clients on the wire: the questions of bench/questions/wire.hpp, against the same load server.
use crate::books::Books;
use crate::measure::{monotonic_ns, quantile, Contender, Figure, Measured, Run};
use rustls::pki_types::{pem::PemObject, CertificateDer};
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

const SUBSCRIBE: &str =
    r#"{"method":"subscribe","params":{"channel":"trade","symbol":["BTC/USD"]},"req_id":1}"#;
const SUBSCRIBE_BOOKS: &str =
    r#"{"method":"subscribe","params":{"channel":"book","symbol":["BTC/USD","ETH/USD"],"depth":10},"req_id":1}"#;
const TRADE_BEGINS: &[u8] = br#"{"channel":"trade","type":"update","data":[{"symbol":"BTC/USD","side":"sell","price":63501.5,"qty":0.00126700,"ord_type":"market","trade_id":"#;
const MESSAGES_A_LOOK: u64 = 4_000;

pub struct Server {
    process: Child,
    pub port: u16,
    pub ca: CertificateDer<'static>,
}

impl Server {
    pub fn start(run: &Run, kind: &str, messages: u64, rate: u64) -> Result<Server, String> {
        let mut process = Command::new(&run.server)
            .args(["serve", kind, &messages.to_string(), &rate.to_string(), &run.peer_cpu.to_string()])
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|why| format!("--server {}: {why}", run.server))?;
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).map_err(|why| why.to_string())?;
        let told: serde_json::Value = serde_json::from_str(&line).map_err(|why| format!("load server: {why}"))?;
        let ca = CertificateDer::from_pem_slice(told["ca"].as_str().unwrap_or("").as_bytes()).map_err(|why| why.to_string())?;
        Ok(Server { process, port: told["port"].as_u64().unwrap_or(0) as u16, ca })
    }
    pub fn roots(&self) -> Result<rustls::RootCertStore, String> {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(self.ca.clone()).map_err(|why| why.to_string())?;
        Ok(roots)
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

/// The trade's id, looked up where it is known to stand (bench/venue/load_server.hpp).
fn due_in(text: &[u8]) -> Option<i64> {
    let mut due = 0;
    for digit in text.strip_prefix(TRADE_BEGINS)?.iter().take_while(|byte| byte.is_ascii_digit()) {
        due = due * 10 + i64::from(digit - b'0');
    }
    Some(due)
}

/// What a client tells of, and until when it has to.
pub struct Feed {
    arrivals: Arrivals,
    books: Option<Books>,
    unverified: u64,
    messages: u64,
    until_ns: i64,
}

impl Feed {
    pub fn subscription(&self) -> &'static str {
        if self.books.is_some() {
            SUBSCRIBE_BOOKS
        } else {
            SUBSCRIBE
        }
    }
    pub fn on_message(&mut self, payload: &[u8]) {
        let Some(books) = &mut self.books else {
            return self.arrivals.on_text(payload);
        };
        if payload.starts_with(br#"{"channel":"book""#) {
            let verified = std::str::from_utf8(payload).is_ok_and(|text| books.apply(text));
            self.unverified += u64::from(!verified);
            self.arrivals.messages += 1;
        }
    }
    /// Between two turns of the client's loop: whether there is to be another.
    pub fn goes_on(&mut self) -> bool {
        self.arrivals.look();
        self.arrivals.messages < self.messages && monotonic_ns() < self.until_ns
    }
}

/// Connects, subscribes, and tells of messages while `feed.goes_on()`.
type Client = fn(&Server, &mut Feed) -> Result<(), String>;

fn on_the_wire(run: &Run, client: Client, kind: &str, messages: u64) -> Result<Arrivals, String> {
    let server = Server::start(run, kind, messages, run.size.max(1_000))?;
    let mut feed = Feed {
        arrivals: Arrivals { latency: kind == "rate", ..Arrivals::default() },
        books: (kind == "books").then(Books::new),
        unverified: 0,
        messages,
        until_ns: monotonic_ns() + 30_000_000_000,
    };
    feed.arrivals.latencies.reserve(messages as usize);
    let ended = client(&server, &mut feed);
    if feed.arrivals.messages < messages {
        let why = ended.err().unwrap_or_else(|| "time is over".into());
        return Err(format!("{} of {messages} messages came: {why}", feed.arrivals.messages));
    }
    if feed.unverified != 0 {
        return Err("a checksum did not verify".into());
    }
    Ok(feed.arrivals)
}

fn latency(run: &Run, client: Client) -> Measured {
    let messages = if run.tiny { 50 } else { run.size.max(2_000) };
    let mut all = on_the_wire(run, client, "rate", messages)?.latencies;
    let percentiles = [50.0, 75.0, 90.0, 95.0, 99.0, 99.5, 99.9, 99.95, 99.99, 100.0]
        .map(|percent| (percent, quantile(&mut all, percent / 100.0)));
    Ok(Figure { value: percentiles[0].1, percentiles: percentiles.to_vec() })
}

fn stream(run: &Run, client: Client, kind: &str) -> Measured {
    let mut costs = on_the_wire(run, client, kind, if run.tiny { 20_000 } else { 200_000 })?.costs;
    if costs.is_empty() {
        return Err("all came in one turn: nothing to time".into());
    }
    Ok(Figure::of(quantile(&mut costs, 0.25)))
}

/// The questions of one client; contenders are plain functions, so each names its client by a constant.
pub trait Named {
    const NAME: &'static str;
    const VERSION: &'static str;
    const WITH_BOOKS: (&'static str, &'static str);
    const CLIENT: Client;
}

pub fn register<C: Named>(all: &mut Vec<Contender>) {
    for rate in [1_000, 20_000, 100_000] {
        all.push(Contender::new("wire", C::NAME, C::VERSION, |run| latency(run, C::CLIENT)).sized(rate));
    }
    all.push(Contender::new("stream_text", C::NAME, C::VERSION, |run| stream(run, C::CLIENT, "text")));
    let (name, version) = C::WITH_BOOKS;
    all.push(Contender::new("stream_books", name, version, |run| stream(run, C::CLIENT, "books")));
}
