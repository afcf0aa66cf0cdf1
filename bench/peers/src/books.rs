//! The reference SDK's own crates: a book message to its book, checksum verified (bench/questions/books.hpp).
use crate::measure::{cpu_cost_ns, Contender, Figure, Measured, Run};
use kraken_book::{ApplyResult, Orderbook};
use kraken_types::{BookData, ChannelMessage};

pub struct Books(Vec<Orderbook>);

impl Books {
    pub fn new() -> Self {
        Books(
            [("BTC/USD", 1), ("ETH/USD", 2)]
                .into_iter()
                .map(|(symbol, price_decimals)| {
                    let mut book = Orderbook::with_depth(symbol, 10);
                    book.set_precision(price_decimals, 8);
                    book
                })
                .collect(),
        )
    }

    /// True when the book has its checksum.
    pub fn apply(&mut self, text: &str) -> bool {
        let Ok(message) = serde_json::from_str::<ChannelMessage<BookData>>(text) else { return false };
        let snapshot = message.msg_type == "snapshot";
        message.data.iter().all(|data| {
            self.0.iter_mut().find(|book| book.symbol() == data.symbol).is_some_and(|book| {
                matches!(
                    book.apply_book_data(data, snapshot),
                    Ok(ApplyResult::Snapshot | ApplyResult::Update)
                )
            })
        })
    }
}

fn book_message(run: &Run) -> Measured {
    let file = std::fs::read_to_string(&run.frames).map_err(|why| format!("--frames {}: {why}", run.frames))?;
    let texts: Vec<&str> = file.lines().collect();
    let mut books = Books::new();
    let mut right = true;
    let mut step = |passes: u64| {
        for _ in 0..passes {
            right &= texts.iter().all(|text| books.apply(text));
        }
    };
    step(1);
    let cost = cpu_cost_ns(1, if run.tiny { 1 } else { 11 }, step) / texts.len() as f64;
    if !right || texts.is_empty() {
        return Err("a checksum did not verify".into());
    }
    Ok(Figure::of(cost))
}

pub fn register(all: &mut Vec<Contender>) {
    for question in ["book_many", "book_one"] {
        all.push(Contender::new(question, "kraken-book", "0.1.0", book_message));
    }
}
