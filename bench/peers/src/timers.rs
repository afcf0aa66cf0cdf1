//! nexus-timer: the questions of bench/questions/timers.hpp.
use crate::measure::{
    cpu_cost_ns, quantile, thread_cpu_ns, Contender, Figure, Measured, Random, Run,
};
use nexus_timer::{TimerHandle, Wheel};
use std::time::{Duration, Instant};

const VERSION: &str = "1.5.0";

fn rearm(run: &Run) -> Measured {
    let count = if run.tiny { 1_000 } else { run.size as usize };
    let operations = if run.tiny { 1_000 } else { 1 << 18 };
    let mut random = Random(42);
    let order: Vec<(u32, u32)> = (0..operations)
        .map(|_| {
            (
                random.below(count as u64) as u32,
                10_000 + random.below(50_000) as u32,
            )
        })
        .collect();
    let begin = Instant::now();
    let mut wheel: Wheel<u64> = Wheel::unbounded(count, begin);
    let mut handles: Vec<Option<TimerHandle<u64>>> = (0..count)
        .map(|i| {
            Some(wheel.schedule(
                begin + Duration::from_millis(order[i % operations].1.into()),
                i as u64,
            ))
        })
        .collect();
    let mut at = 0;
    let mut right = true;
    let mut step = |operations: u64| {
        for _ in 0..operations {
            let (timer, delay_ms) = order[at % order.len()];
            at += 1;
            let slot = &mut handles[timer as usize];
            right &= wheel.cancel(slot.take().unwrap()) == Some(timer.into());
            *slot =
                Some(wheel.schedule(begin + Duration::from_millis(delay_ms.into()), timer.into()));
        }
    };
    step(if run.tiny { 100 } else { order.len() as u64 });
    let cost = if run.tiny {
        cpu_cost_ns(100, 2, step)
    } else {
        cpu_cost_ns(10_000, 100, step)
    };
    for handle in handles.into_iter().flatten() {
        wheel.cancel(handle);
    }
    let mut fired = Vec::new();
    wheel.poll(begin + Duration::from_secs(100), &mut fired);
    if !right || !fired.is_empty() {
        return Err("a cancelled timer fired".into());
    }
    Ok(Figure::of(cost))
}

fn expire(run: &Run) -> Measured {
    let count = if run.tiny { 1_000 } else { run.size };
    let rounds = if run.tiny {
        1
    } else {
        (100_000 / count).max(5)
    };
    let mut random = Random(7);
    let mut now = Instant::now();
    let mut wheel: Wheel<u64> = Wheel::unbounded(count as usize, now);
    let mut fired = Vec::with_capacity(count as usize);
    let mut costs = Vec::new();
    for _ in 0..rounds {
        for i in 0..count {
            wheel.schedule_forget(now + Duration::from_millis(1 + random.below(20)), i);
        }
        now += Duration::from_millis(21);
        fired.clear();
        let begin = thread_cpu_ns();
        wheel.poll(now, &mut fired);
        costs.push((thread_cpu_ns() - begin) as f64 / count as f64);
        if fired.len() as u64 != count {
            return Err(format!("fired {} of {count}", fired.len()));
        }
    }
    Ok(Figure::of(quantile(&mut costs, 0.5)))
}

/// One timer far away, as far as this wheel reaches, and an hour passes in which nothing is due.
fn empty_hour(run: &Run) -> Measured {
    let begin = Instant::now();
    let mut wheel: Wheel<u64> = Wheel::unbounded(16, begin);
    let far = wheel.schedule(begin + Duration::from_secs(3_600 * 2_000_000), 1);
    let mut fired = Vec::new();
    let mut hour = 0;
    let step = |count: u64| {
        for _ in 0..count {
            hour += 1;
            wheel.poll(begin + Duration::from_secs(3_600 * hour), &mut fired);
        }
    };
    let cost = if run.tiny {
        cpu_cost_ns(10, 1, step)
    } else {
        cpu_cost_ns(10_000, 100, step)
    };
    wheel.cancel(far);
    if !fired.is_empty() {
        return Err("something fired".into());
    }
    Ok(Figure::of(cost))
}

pub fn register(all: &mut Vec<Contender>) {
    let named = |question, measure| Contender::new(question, "nexus-timer", VERSION, measure);
    for size in [1_000, 100_000, 1_000_000] {
        all.push(named("timer_rearm", rearm).sized(size));
    }
    for size in [1_000, 100_000] {
        all.push(named("timer_expire", expire).sized(size));
    }
    all.push(named("timer_empty_hour", empty_hour));
}
