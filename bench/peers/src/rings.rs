//! rtrb and nexus-queue: the questions of bench/questions/rings.hpp.
use crate::measure::{monotonic_ns, pin, quantile, Contender, Figure, Measured, Run};
use std::hint::spin_loop;

const CAPACITY: usize = 4_096;
const MESSAGES_A_LOOK: u64 = 16_384;
const BATCH: usize = 64;

#[derive(Clone, Copy, Default)]
#[repr(C)]
pub struct Item {
    number: u64,
    rest: [u64; 7],
}

trait Ring {
    type In: Send;
    type Out: Send;
    fn make(capacity: usize) -> (Self::In, Self::Out);
    fn push(to: &mut Self::In, item: Item) -> bool;
    fn pop(from: &mut Self::Out) -> Option<Item>;
}

struct Rtrb;
impl Ring for Rtrb {
    type In = rtrb::Producer<Item>;
    type Out = rtrb::Consumer<Item>;
    fn make(capacity: usize) -> (Self::In, Self::Out) {
        rtrb::RingBuffer::new(capacity)
    }
    #[inline(always)]
    fn push(to: &mut Self::In, item: Item) -> bool {
        to.push(item).is_ok()
    }
    #[inline(always)]
    fn pop(from: &mut Self::Out) -> Option<Item> {
        from.pop().ok()
    }
}

struct Nexus;
impl Ring for Nexus {
    type In = nexus_queue::spsc::Producer<Item>;
    type Out = nexus_queue::spsc::Consumer<Item>;
    fn make(capacity: usize) -> (Self::In, Self::Out) {
        nexus_queue::spsc::ring_buffer(capacity)
    }
    #[inline(always)]
    fn push(to: &mut Self::In, item: Item) -> bool {
        to.push(item).is_ok()
    }
    #[inline(always)]
    fn pop(from: &mut Self::Out) -> Option<Item> {
        from.pop()
    }
}

/// `produce` puts 1 … total in; `consume` says how many it read, in order.
fn throughput(
    run: &Run,
    produce: impl FnOnce(u64) + Send,
    mut consume: impl FnMut(&mut bool) -> u64,
) -> Measured {
    let total = MESSAGES_A_LOOK * if run.tiny { 1 } else { 100 };
    let mut costs = Vec::new();
    let mut right = true;
    let pinned = std::thread::scope(|scope| {
        let producer = scope.spawn(move || {
            let pinned = run.tiny || pin(run.peer_cpu).is_ok();
            produce(total);
            pinned
        });
        let mut read = 0;
        let mut look = 0;
        while read < total {
            look += 1;
            let begin = monotonic_ns();
            let before = read;
            while read < look * MESSAGES_A_LOOK {
                let more = consume(&mut right);
                if more == 0 {
                    spin_loop();
                }
                read += more;
            }
            costs.push((monotonic_ns() - begin) as f64 / (read - before) as f64);
        }
        producer.join().unwrap()
    });
    if !pinned {
        return Err("the other side could not be pinned".into());
    }
    if !right {
        return Err("a message is out of order".into());
    }
    Ok(Figure::of(quantile(&mut costs, 0.25)))
}

fn one_by_one<R: Ring>(run: &Run) -> Measured {
    let (mut to, mut from) = R::make(CAPACITY);
    let mut expected = 1;
    throughput(
        run,
        move |total| {
            for number in 1..=total {
                let item = Item {
                    number,
                    rest: [0; 7],
                };
                while !R::push(&mut to, item) {
                    spin_loop();
                }
            }
        },
        |right| match R::pop(&mut from) {
            Some(item) => {
                *right &= item.number == expected;
                expected += 1;
                1
            }
            None => 0,
        },
    )
}

fn rtrb_batched(run: &Run) -> Measured {
    let (mut to, mut from) = Rtrb::make(CAPACITY);
    let mut expected = 1;
    throughput(
        run,
        move |total| {
            let mut sent = 0;
            while sent < total {
                let count = BATCH.min((total - sent) as usize);
                match to.write_chunk_uninit(count) {
                    Ok(chunk) => {
                        let numbers = (sent + 1..).take(count);
                        sent += chunk.fill_from_iter(numbers.map(|number| Item {
                            number,
                            rest: [0; 7],
                        })) as u64;
                    }
                    Err(_) => spin_loop(),
                }
            }
        },
        |right| {
            let ready = from.slots();
            let Ok(chunk) = from.read_chunk(ready) else {
                return 0;
            };
            let (first, second) = chunk.as_slices();
            // In locals, as the C++ contenders do.
            let (mut next, mut all_right) = (expected, *right);
            for item in first.iter().chain(second) {
                all_right &= item.number == next;
                next += 1;
            }
            (expected, *right) = (next, all_right);
            chunk.commit_all();
            ready as u64
        },
    )
}

fn round_trip<R: Ring>(run: &Run) -> Measured {
    let looks = if run.tiny { 1 } else { 100 };
    let a_look = 1_000;
    let (mut there_in, mut there_out) = R::make(CAPACITY);
    let (mut back_in, mut back_out) = R::make(CAPACITY);
    let mut costs = Vec::new();
    let mut right = true;
    let pinned = std::thread::scope(|scope| {
        let echo = scope.spawn(move || {
            let pinned = run.tiny || pin(run.peer_cpu).is_ok();
            for _ in 0..looks * a_look {
                let item = loop {
                    if let Some(item) = R::pop(&mut there_out) {
                        break item;
                    }
                    spin_loop();
                };
                while !R::push(&mut back_in, item) {
                    spin_loop();
                }
            }
            pinned
        });
        for _ in 0..looks {
            let begin = monotonic_ns();
            for number in 1..=a_look {
                let item = Item {
                    number,
                    rest: [0; 7],
                };
                while !R::push(&mut there_in, item) {
                    spin_loop();
                }
                let answer = loop {
                    if let Some(item) = R::pop(&mut back_out) {
                        break item;
                    }
                    spin_loop();
                };
                right &= answer.number == number;
            }
            costs.push((monotonic_ns() - begin) as f64 / a_look as f64);
        }
        echo.join().unwrap()
    });
    if !pinned {
        return Err("the other side could not be pinned".into());
    }
    if !right {
        return Err("a message came back wrong".into());
    }
    Ok(Figure::of(quantile(&mut costs, 0.25)))
}

pub fn register(all: &mut Vec<Contender>) {
    all.push(Contender::new(
        "ring_one_by_one",
        "rtrb",
        "0.4.1",
        one_by_one::<Rtrb>,
    ));
    all.push(Contender::new(
        "ring_batched",
        "rtrb",
        "0.4.1",
        rtrb_batched,
    ));
    all.push(Contender::new(
        "ring_round_trip",
        "rtrb",
        "0.4.1",
        round_trip::<Rtrb>,
    ));
    all.push(Contender::new(
        "ring_one_by_one",
        "nexus-queue",
        "1.3.1",
        one_by_one::<Nexus>,
    ));
    all.push(Contender::new(
        "ring_round_trip",
        "nexus-queue",
        "1.3.1",
        round_trip::<Nexus>,
    ));
}
