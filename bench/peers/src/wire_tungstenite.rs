//! tokio-tungstenite on the wire, as its users have it: over rustls, in tokio's loop of one thread.
use crate::measure::Contender;
use crate::wire::{self, Feed, Named, Server};
use futures_util::{SinkExt, StreamExt};
use std::sync::Arc;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{client_async_tls_with_config, Connector};

fn text(why: impl std::fmt::Display) -> String {
    why.to_string()
}

async fn read(server: &Server, feed: &mut Feed) -> Result<(), String> {
    let config = rustls::ClientConfig::builder().with_root_certificates(server.roots()?).with_no_client_auth();
    let socket = tokio::net::TcpStream::connect(("127.0.0.1", server.port)).await.map_err(text)?;
    socket.set_nodelay(true).map_err(text)?;
    let url = format!("wss://localhost:{}/v2", server.port);
    let connector = Connector::Rustls(Arc::new(config));
    let (mut websocket, _) =
        client_async_tls_with_config(url, socket, None, Some(connector)).await.map_err(text)?;
    websocket.send(Message::text(feed.subscription())).await.map_err(text)?;
    while feed.goes_on() {
        match websocket.next().await {
            Some(Ok(Message::Text(text))) => feed.on_message(text.as_bytes()),
            Some(Ok(_)) => {}
            Some(Err(why)) => return Err(why.to_string()),
            None => return Err("end of stream".into()),
        }
    }
    Ok(())
}

fn client(server: &Server, feed: &mut Feed) -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().map_err(text)?;
    runtime.block_on(read(server, feed))
}

struct Tungstenite;

impl Named for Tungstenite {
    const NAME: &'static str = "tokio-tungstenite";
    const VERSION: &'static str = "0.30.0";
    const WITH_BOOKS: (&'static str, &'static str) = ("tokio-tungstenite + kraken-book", "0.30.0 + 0.1.0");
    const CLIENT: fn(&Server, &mut Feed) -> Result<(), String> = client;
}

pub fn register(all: &mut Vec<Contender>) {
    wire::register::<Tungstenite>(all);
}
