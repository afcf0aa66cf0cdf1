//! The same ways of measuring as bench/harness/measure.hpp.

#[derive(Clone, Default)]
pub struct Run {
    pub size: u64,
    pub tiny: bool,
    pub cpu: usize,
    pub peer_cpu: usize,
    /// A file of venue messages, one a line.
    pub frames: String,
    /// The program that holds the load server (`contenders serve`).
    pub server: String,
}

#[derive(Default)]
pub struct Figure {
    pub value: f64,
    pub percentiles: Vec<(f64, f64)>,
}

impl Figure {
    pub fn of(value: f64) -> Self {
        Figure {
            value,
            percentiles: Vec::new(),
        }
    }
}

pub type Measured = Result<Figure, String>;

pub struct Contender {
    pub question: String,
    pub name: &'static str,
    pub version: &'static str,
    pub size: u64,
    pub measure: fn(&Run) -> Measured,
}

impl Contender {
    pub fn new(
        question: &str,
        name: &'static str,
        version: &'static str,
        measure: fn(&Run) -> Measured,
    ) -> Self {
        Contender {
            question: question.into(),
            name,
            version,
            size: 0,
            measure,
        }
    }
    pub fn sized(self, size: u64) -> Self {
        let short = match size {
            _ if size % 1_000_000 == 0 => format!("{}m", size / 1_000_000),
            _ if size % 1_000 == 0 => format!("{}k", size / 1_000),
            _ => size.to_string(),
        };
        Contender {
            question: format!("{}_{short}", self.question),
            size,
            ..self
        }
    }
}

pub fn pin(cpu: usize) -> Result<(), String> {
    // SAFETY: the set is plain data, and its address is valid for the calls.
    unsafe {
        let mut wanted: libc::cpu_set_t = std::mem::zeroed();
        libc::CPU_SET(cpu, &mut wanted);
        let size = std::mem::size_of::<libc::cpu_set_t>();
        if libc::sched_setaffinity(0, size, &wanted) != 0 || libc::sched_getcpu() != cpu as i32 {
            return Err(format!("cannot pin to cpu {cpu}"));
        }
    }
    Ok(())
}

fn clock_ns(clock: libc::clockid_t) -> i64 {
    // SAFETY: the address is valid for the call.
    unsafe {
        let mut now: libc::timespec = std::mem::zeroed();
        libc::clock_gettime(clock, &mut now);
        now.tv_sec * 1_000_000_000 + now.tv_nsec
    }
}

pub fn monotonic_ns() -> i64 {
    clock_ns(libc::CLOCK_MONOTONIC)
}

/// Of this thread alone.
pub fn thread_cpu_ns() -> i64 {
    clock_ns(libc::CLOCK_THREAD_CPUTIME_ID)
}

pub fn quantile(values: &mut [f64], q: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    values[(q * (values.len() - 1) as f64 + 0.5) as usize]
}

/// The median over chunks of this thread's CPU time for one of the operations that f(count) does `count` of.
pub fn cpu_cost_ns(chunk: u64, chunks: usize, mut f: impl FnMut(u64)) -> f64 {
    let mut costs: Vec<f64> = (0..chunks)
        .map(|_| {
            let begin = thread_cpu_ns();
            f(chunk);
            (thread_cpu_ns() - begin) as f64 / chunk as f64
        })
        .collect();
    quantile(&mut costs, 0.5)
}

/// SplitMix64: any spread of values does, and runs repeat.
pub struct Random(pub u64);

impl Random {
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((u128::from(z ^ (z >> 31)) * u128::from(bound)) >> 64) as u64
    }
}
