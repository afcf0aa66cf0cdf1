//! ergon-io on the wire; and its WebSocket client alone, over keys that a handshake with the load server made.
use crate::frames;
use crate::measure::{Contender, Measured, Run};
use crate::wire::{self, Feed, Named, Server};
use ergon_io::{
    tls, Config, ConnId, Driver, Error, Handler, RxMeta, Target, TextCheck, WsConn, WsDial, WsHandler, WsOptions,
};
use std::net::TcpStream;

fn text(why: Error) -> String {
    why.to_string()
}

struct Told<'a> {
    feed: &'a mut Feed,
    opened: Option<ConnId>,
    closed: Option<String>,
}

impl Handler for Told<'_> {
    fn on_open(&mut self, id: ConnId) {
        self.opened = Some(id);
    }
    fn on_closed(&mut self, _: ConnId, error: Error) {
        self.closed = Some(error.to_string());
    }
}

impl WsHandler for Told<'_> {
    fn on_message(&mut self, _: ConnId, _: u8, payload: &[u8], _: &RxMeta, _: u16) {
        self.feed.on_message(payload);
    }
}

fn client(server: &Server, feed: &mut Feed) -> Result<(), String> {
    let config = tls::client_config(server.roots()?).map_err(text)?;
    let mut driver: Driver<WsConn> = Driver::new(Config::parse("recv-busy").map_err(text)?).map_err(text)?;
    driver
        .connect(WsDial::new(Target::new("127.0.0.1", server.port, "/v2"), config, 1 << 20).map_err(text)?)
        .map_err(text)?;
    let mut told = Told { feed, opened: None, closed: None };
    while told.feed.goes_on() {
        driver.poll(&mut told).map_err(text)?;
        if let Some(why) = told.closed.take() {
            return Err(why);
        }
        if let Some(id) = told.opened.take() {
            if let Some(mut connection) = driver.get_mut(id) {
                connection.send_text(told.feed.subscription()).map_err(text)?;
            }
        }
    }
    Ok(())
}

struct Ergon;

impl Named for Ergon {
    const NAME: &'static str = "ergon-io";
    const VERSION: &'static str = "0.1.34";
    const WITH_BOOKS: (&'static str, &'static str) = ("ergon-io + kraken-book", "0.1.34 + 0.1.0");
    const CLIENT: fn(&Server, &mut Feed) -> Result<(), String> = client;
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
    let server = Server::start(run, "text", 1, 1_000)?;
    let config = tls::client_config(server.roots()?).map_err(text)?;
    let mut socket = TcpStream::connect(("127.0.0.1", server.port)).map_err(|why| why.to_string())?;
    let (keys, _) = tls::handshake(&mut socket, config, "localhost").map_err(text)?;
    let options = WsOptions { text_check: TextCheck::Utf8, ..WsOptions::default() };
    let connection = WsConn::from_record_layer(socket, keys, &options).map_err(text)?;
    frames::measure(run, many, &mut Frames { connection, read: Read::default() })
}

pub fn register(all: &mut Vec<Contender>) {
    wire::register::<Ergon>(all);
    all.push(Contender::new("frame_many", Ergon::NAME, Ergon::VERSION, |run| ergon_frames(run, true)));
    all.push(Contender::new("frame_one", Ergon::NAME, Ergon::VERSION, |run| ergon_frames(run, false)));
}
