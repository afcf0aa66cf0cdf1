//! The Rust peers of Havklo's benchmarks: `list`, `run QUESTION NAME`, `check`; one JSON object a line, as the C++
//! programs print them (bench/README.md).
mod books;
mod frames;
mod measure;
mod rings;
mod timers;
mod wire;
mod wire_ergon;
mod wire_nexus;
mod wire_tungstenite;

use measure::{Contender, Run};
use std::process::ExitCode;

fn contenders() -> Vec<Contender> {
    let mut all = Vec::new();
    timers::register(&mut all);
    rings::register(&mut all);
    frames::register(&mut all);
    books::register(&mut all);
    wire_ergon::register(&mut all);
    wire_nexus::register(&mut all);
    wire_tungstenite::register(&mut all);
    all
}

fn run(contender: &Contender, run: &Run) -> Result<(), String> {
    if !run.tiny {
        if cfg!(debug_assertions) {
            return Err("this is a debug build: build with --release".into());
        }
        measure::pin(run.cpu)?;
    }
    let run = Run {
        size: contender.size,
        ..run.clone()
    };
    let figure = (contender.measure)(&run)
        .map_err(|why| format!("{}, {}: {why}", contender.question, contender.name))?;
    let mut line = format!(
        r#"{{"question":"{}","contender":"{}","version":"{}","value":{}"#,
        contender.question, contender.name, contender.version, figure.value
    );
    if !figure.percentiles.is_empty() {
        let pairs: Vec<String> = figure
            .percentiles
            .iter()
            .map(|(percent, value)| format!("[{percent},{value}]"))
            .collect();
        line += &format!(r#","percentiles":[{}]"#, pairs.join(","));
    }
    println!("{line}}}");
    Ok(())
}

fn options(arguments: &[String]) -> Option<Run> {
    let mut run = Run::default();
    let mut rest = arguments.iter();
    while let Some(name) = rest.next() {
        match name.as_str() {
            "--tiny" => run.tiny = true,
            "--cpu" => run.cpu = rest.next()?.parse().ok()?,
            "--peer-cpu" => run.peer_cpu = rest.next()?.parse().ok()?,
            "--server" => run.server = rest.next()?.clone(),
            "--frames" => run.frames = rest.next()?.clone(),
            _ => return None,
        }
    }
    Some(run)
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let all = contenders();
    // Two are linked in; the one that nexus-web asks for and rustls takes by itself is not ergon-io's.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let verb = arguments.first().map(String::as_str);
    let result = match (verb, arguments.len()) {
        (Some("list"), _) => {
            for each in &all {
                println!(
                    r#"{{"question":"{}","contender":"{}","version":"{}"}}"#,
                    each.question, each.name, each.version
                );
            }
            Ok(())
        }
        (Some("check"), _) => match options(&arguments[1..]) {
            Some(given) => {
                let given = Run {
                    tiny: true,
                    ..given
                };
                all.iter().try_for_each(|each| run(each, &given))
            }
            None => Err("use: check [--frames F] [--server F]".into()),
        },
        (Some("run"), 3..) => {
            let named = all
                .iter()
                .find(|each| each.question == arguments[1] && each.name == arguments[2]);
            match (named, options(&arguments[3..])) {
                (Some(contender), Some(given)) => run(contender, &given),
                _ => Err(format!(
                    "no such contender or option: {}",
                    arguments[1..].join(" ")
                )),
            }
        }
        _ => Err(
            "use: list | check | run QUESTION CONTENDER [--tiny] [--cpu N] [--peer-cpu N] [--frames F] [--server F]".into(),
        ),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("{why}");
            ExitCode::from(2)
        }
    }
}
