//! A hundred thousand claims through SettleStream with ten random breaks, beside unary calls of 64 callers; and the
//! memory of the server for a caller that stops reading.
//!
//! `cargo bench --bench stream [-- CLAIMS]`; loopback only.

#![allow(missing_docs)]

#[allow(dead_code)]
mod local_server;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use local_server::{Failed, Server, claim, tables};
use onestop::cli::client::Client;
use onestop::grpc::to_proto;
use onestop::pb::settlement as pb;
use onestop::pb::settlement::settle_stream_response::Answer;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const PERSONS: usize = 20_000;
const BREAKS: usize = 10;
const CALLERS: usize = 64;

fn main() -> Result<(), Failed> {
    let claims = std::env::args().filter_map(|text| text.parse().ok()).next().unwrap_or(100_000);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        for _ in 0..2 {
            broken(claims).await?;
            unary(claims / 4).await?;
        }
        stopped(50_000).await
    })
}

async fn start() -> Result<(Server, Client), Failed> {
    let server = Server::start()?;
    let mut client = Client::connect(&server.url).await.map_err(|failure| failure.to_string())?;
    tables(&mut client, PERSONS).await?;
    Ok((server, client))
}

fn request(number: usize) -> pb::SettleStreamRequest {
    let claim = Some(to_proto::claim(&claim(number, PERSONS)));
    pb::SettleStreamRequest { claim, request_id: format!("R{number}"), quote_digest: Vec::new(), view: 0 }
}

/// A small generator (SplitMix64).
fn random(seed: &mut u64) -> u64 {
    *seed = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mut z = *seed;
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

async fn broken(claims: usize) -> Result<(), Failed> {
    let (server, mut client) = start().await?;
    let mut seed = 2_017;
    let mut breaks: Vec<usize> = (0..BREAKS).map(|_| random(&mut seed) as usize % claims).collect();
    breaks.sort_unstable();
    let mut answered: HashMap<usize, String> = HashMap::new();
    let (mut replays, mut streams) = (0, 0);
    let begin = Instant::now();
    while answered.len() < claims {
        streams += 1;
        let until = breaks.get(streams - 1).copied().unwrap_or(claims);
        let waiting: Vec<usize> = (0..claims).filter(|number| !answered.contains_key(number)).collect();
        let (sender, requests) = mpsc::channel(64);
        let numbers = waiting.clone();
        let sending = tokio::spawn(async move {
            for number in numbers {
                if sender.send(request(number)).await.is_err() {
                    return;
                }
            }
        });
        let stream = client.settle_stream(ReceiverStream::new(requests)).await;
        let mut answers = stream.map_err(|status| status.message().to_owned())?;
        while answered.len() < until {
            let Some(answer) = answers.message().await? else { break };
            let Some(Answer::Settlement(settlement)) = answer.answer else { return Err("a refusal".into()) };
            replays += usize::from(answer.replay);
            if answered.insert(waiting[answer.position as usize], settlement.settlement_id).is_some() {
                return Err("answered twice".into());
            }
        }
        drop(answers);
        sending.abort();
    }
    let took = begin.elapsed();
    let rate = claims as f64 / took.as_secs_f64();
    println!("stream: {claims} claims in {took:.1?}, {rate:.0}/s, {streams} streams, {replays} replays after breaks");
    let mut ids: Vec<_> = answered.into_values().collect();
    ids.sort();
    ids.dedup();
    let mut listed = 0;
    let mut asked = pb::ListSettlementsRequest { hospital_id: "H1".to_owned(), page_size: 1_000, ..Default::default() };
    loop {
        let page = client.list(asked.clone()).await.map_err(|status| status.message().to_owned())?;
        listed += page.settlements.iter().filter(|one| ids.binary_search(&one.settlement_id).is_ok()).count();
        if page.settlements.len() != 1_000 && page.next_page_token.is_empty() {
            break;
        }
        asked.page_token = page.next_page_token;
        if asked.page_token.is_empty() {
            break;
        }
    }
    println!(
        "  {} settlements answered, {listed} of them listed by the server: nothing lost, nothing twice",
        ids.len()
    );
    if (ids.len(), listed) != (claims, claims) {
        return Err("lost or twice".into());
    }
    println!("  server peak {} MiB", server.memory("VmHWM")? >> 10);
    Ok(())
}

async fn unary(claims: usize) -> Result<(), Failed> {
    let (_server, client) = start().await?;
    let next = Arc::new(AtomicUsize::new(0));
    let begin = Instant::now();
    let mut tasks = Vec::new();
    for _ in 0..CALLERS {
        let (mut client, next) = (client.clone(), Arc::clone(&next));
        tasks.push(tokio::spawn(async move {
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= claims {
                    return Ok::<_, Failed>(());
                }
                let (claim, request_id) = (claim(number, PERSONS), format!("R{number}"));
                client.settle(&claim, &request_id, Vec::new()).await.map_err(|status| status.message().to_owned())?;
            }
        }));
    }
    for task in tasks {
        task.await??;
    }
    let rate = claims as f64 / begin.elapsed().as_secs_f64();
    println!("unary, {CALLERS} callers: {claims} claims, {rate:.0}/s");
    Ok(())
}

/// Measures the server's memory while a caller sends this many claims and reads nothing.
async fn stopped(claims: usize) -> Result<(), Failed> {
    let (server, mut client) = start().await?;
    let before = server.memory("VmRSS")?;
    let (sender, requests) = mpsc::channel(64);
    let sent = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&sent);
    let sending = tokio::spawn(async move {
        for number in 0..claims {
            if sender.send(request(number)).await.is_err() {
                return;
            }
            count.fetch_add(1, Ordering::Relaxed);
        }
    });
    let stream = client.settle_stream(ReceiverStream::new(requests)).await;
    let mut answers = stream.map_err(|status| status.message().to_owned())?;
    let (mut known, mut rest) = (0, 0);
    while rest < 20 {
        tokio::time::sleep(Duration::from_millis(100)).await;
        let now = sent.load(Ordering::Relaxed);
        rest = if now == known { rest + 1 } else { 0 };
        known = now;
    }
    let grown = server.memory("VmRSS")?.saturating_sub(before);
    println!("a reader that stops: {known} of {claims} claims left the caller, the server grew by {grown} KiB");
    let mut read = 0;
    while answers.message().await?.is_some() {
        read += 1;
    }
    sending.await?;
    println!("  reading on: {read} answers, server peak {} MiB", server.memory("VmHWM")? >> 10);
    Ok(())
}
