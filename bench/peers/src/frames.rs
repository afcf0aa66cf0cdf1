//! WebSocket clients over memory: the questions of bench/questions/frames.hpp.
use crate::measure::{cpu_cost_ns, Contender, Figure, Measured, Run};
use std::hint::black_box;
use std::io::{self, Read, Write};

pub const FRAMES_A_PASS: usize = 64;
const TEXT_BYTES: usize = 195;

/// A client that is given reads, and says how many bytes of text it had of each.
pub trait Client {
    fn read(&mut self, bytes: &[u8]) -> Result<usize, String>;
}

pub fn stream() -> Vec<u8> {
    let mut stream = Vec::new();
    for i in 0..FRAMES_A_PASS {
        stream.extend_from_slice(&[0x81, 126, 0, TEXT_BYTES as u8]);
        stream.extend(std::iter::repeat_n(b'0' + (i % 10) as u8, TEXT_BYTES));
    }
    stream
}

pub fn measure(run: &Run, many: bool, client: &mut impl Client) -> Measured {
    let stream = stream();
    let read_bytes = if many { stream.len() } else { stream.len() / FRAMES_A_PASS };
    let mut failed = None;
    let mut step = |passes: u64| {
        for _ in 0..passes {
            let mut bytes = 0;
            for read in stream.chunks(read_bytes) {
                match client.read(black_box(read)) {
                    Ok(more) => bytes += more,
                    Err(why) => failed = Some(why),
                }
            }
            if bytes != FRAMES_A_PASS * TEXT_BYTES && failed.is_none() {
                failed = Some("not every message came".into());
            }
        }
    };
    step(if run.tiny { 1 } else { 10_000 });
    let (chunk, chunks) = if run.tiny { (1, 1) } else { (500, 200) };
    let cost = cpu_cost_ns(chunk, chunks, step) / FRAMES_A_PASS as f64;
    match failed {
        Some(why) => Err(why),
        None => Ok(Figure::of(cost)),
    }
}

struct Nexus(nexus_web::ws::FrameReader);

impl Client for Nexus {
    fn read(&mut self, bytes: &[u8]) -> Result<usize, String> {
        self.0.read(bytes).map_err(|why| why.to_string())?;
        let mut read = 0;
        while let Some(message) = self.0.next().map_err(|why| why.to_string())? {
            match message {
                nexus_web::ws::Message::Text(text) => read += black_box(text).len(),
                _ => return Err("not a text".into()),
            }
        }
        Ok(read)
    }
}

fn nexus(run: &Run, many: bool) -> Measured {
    let reader = nexus_web::ws::FrameReader::builder();
    let role = nexus_web::ws::Role::Client;
    measure(run, many, &mut Nexus(reader.role(role).buffer_capacity(64 * 1024).build()))
}

struct Sockudo {
    protocol: sockudo_ws::protocol::Protocol,
    buffer: bytes::BytesMut,
    messages: Vec<sockudo_ws::Message>,
}

impl Client for Sockudo {
    fn read(&mut self, bytes: &[u8]) -> Result<usize, String> {
        self.buffer.extend_from_slice(bytes);
        self.protocol
            .process_into(&mut self.buffer, &mut self.messages)
            .map_err(|why| why.to_string())?;
        let mut read = 0;
        for message in self.messages.drain(..) {
            match message {
                sockudo_ws::Message::Text(text) => read += black_box(text).len(),
                _ => return Err("not a text".into()),
            }
        }
        Ok(read)
    }
}

fn sockudo(run: &Run, many: bool) -> Measured {
    measure(
        run,
        many,
        &mut Sockudo {
            protocol: sockudo_ws::protocol::Protocol::new(sockudo_ws::Role::Client, 1 << 20, 1 << 20),
            buffer: bytes::BytesMut::with_capacity(64 * 1024),
            messages: Vec::with_capacity(FRAMES_A_PASS),
        },
    )
}

/// A socket that holds one read, and then would block.
#[derive(Default)]
struct OneRead {
    bytes: Vec<u8>,
    at: usize,
}

impl Read for OneRead {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        if self.at == self.bytes.len() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let size = room.len().min(self.bytes.len() - self.at);
        room[..size].copy_from_slice(&self.bytes[self.at..self.at + size]);
        self.at += size;
        Ok(size)
    }
}

impl Write for OneRead {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// tokio-tungstenite's codec without its runtime, which flatters it.
struct Tungstenite(tokio_tungstenite::tungstenite::WebSocket<OneRead>);

impl Client for Tungstenite {
    fn read(&mut self, bytes: &[u8]) -> Result<usize, String> {
        use tokio_tungstenite::tungstenite::{Error, Message};
        let socket = self.0.get_mut();
        socket.bytes.clear();
        socket.bytes.extend_from_slice(bytes);
        socket.at = 0;
        let mut read = 0;
        loop {
            match self.0.read() {
                Ok(Message::Text(text)) => read += black_box(text).len(),
                Err(Error::Io(why)) if why.kind() == io::ErrorKind::WouldBlock => return Ok(read),
                Ok(_) => return Err("not a text".into()),
                Err(why) => return Err(why.to_string()),
            }
        }
    }
}

fn tungstenite(run: &Run, many: bool) -> Measured {
    let role = tokio_tungstenite::tungstenite::protocol::Role::Client;
    let socket = tokio_tungstenite::tungstenite::WebSocket::from_raw_socket(OneRead::default(), role, None);
    measure(run, many, &mut Tungstenite(socket))
}

pub fn register(all: &mut Vec<Contender>) {
    let mut both = |name, version, many: fn(&Run) -> Measured, one: fn(&Run) -> Measured| {
        all.push(Contender::new("frame_many", name, version, many));
        all.push(Contender::new("frame_one", name, version, one));
    };
    both("nexus-web", "0.8.0", |run| nexus(run, true), |run| nexus(run, false));
    both("sockudo-ws", "3.1.0", |run| sockudo(run, true), |run| sockudo(run, false));
    both("tokio-tungstenite", "0.30.0", |run| tungstenite(run, true), |run| tungstenite(run, false));
}
