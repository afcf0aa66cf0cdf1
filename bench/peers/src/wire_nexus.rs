//! nexus-web's own client on the wire, its socket read in a spin.
use crate::measure::Contender;
use crate::wire::{self, Feed, Named, Server};
use nexus_web::tls::{TlsCodec, TlsConfig, TlsStream};
use nexus_web::ws::{Client, Message};
use std::io::{self, Read, Write};
use std::net::TcpStream;

/// Blocks until the upgrade is over, and then no longer; `recv()` says the same of a socket that would block and of one
/// that has ended, so the end is kept here.
struct Socket {
    stream: TcpStream,
    ended: bool,
}

impl Read for Socket {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        let size = self.stream.read(room)?;
        self.ended = size == 0;
        Ok(size)
    }
}

impl Write for Socket {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.stream.write(bytes)
    }
    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

fn client(server: &Server, feed: &mut Feed) -> Result<(), String> {
    let config = TlsConfig::builder()
        .skip_system_certs()
        .add_root_cert(server.ca.clone())
        .tls13_only()
        .build()
        .map_err(|why| why.to_string())?;
    let stream = TcpStream::connect(("127.0.0.1", server.port)).map_err(|why| why.to_string())?;
    stream.set_nodelay(true).map_err(|why| why.to_string())?;
    let codec = TlsCodec::new(&config, "localhost").map_err(|why| why.to_string())?;
    let tls = TlsStream::connect(Socket { stream, ended: false }, codec).map_err(|why| why.to_string())?;
    let url = format!("wss://localhost:{}/v2", server.port);
    let mut websocket = Client::connect_with(tls, &url).map_err(|why| why.to_string())?;
    websocket.send_text(feed.subscription()).map_err(|why| why.to_string())?;
    websocket.stream().stream().stream.set_nonblocking(true).map_err(|why| why.to_string())?;
    while feed.goes_on() {
        let message = websocket.recv().map_err(|why| why.to_string())?;
        let nothing = message.is_none();
        if let Some(Message::Text(text)) = message {
            feed.on_message(text.as_bytes());
        }
        if nothing && websocket.stream().stream().ended {
            return Err("end of stream".into());
        }
    }
    Ok(())
}

struct Nexus;

impl Named for Nexus {
    const NAME: &'static str = "nexus-web";
    const VERSION: &'static str = "0.8.0";
    const WITH_BOOKS: (&'static str, &'static str) = ("nexus-web + kraken-book", "0.8.0 + 0.1.0");
    const CLIENT: fn(&Server, &mut Feed) -> Result<(), String> = client;
}

pub fn register(all: &mut Vec<Contender>) {
    wire::register::<Nexus>(all);
}
