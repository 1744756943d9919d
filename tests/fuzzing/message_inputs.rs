//! Requests to settle as messages: sound ones, ones with a fault or two, and bytes that are hardly a message.

use onestop::pb::settlement as pb;
use prost::Message;

use super::claims::{sound, spoil, wrong_id};
use crate::support::random::Random;

/// Above the size limit of a message.
const TOO_LARGE: usize = (4 << 20) + 1;

/// Items of two bytes each.
const MANY: usize = 100_000;

/// A request to settle.
pub fn input(random: &mut Random) -> Vec<u8> {
    let message = request(random).encode_to_vec();
    if random.one_in(8) { broken(random, message) } else { message }
}

fn request(random: &mut Random) -> pb::SettleRequest {
    let mut claim = sound(random);
    for _ in 0..*random.pick(&[0, 0, 1, 1, 1, 2, 3]) {
        spoil(random, &mut claim);
    }
    if random.one_in(4_000) {
        claim.items = vec![pb::Item::default(); MANY];
    }
    let request_id = if random.one_in(24) { wrong_id(random) } else { "请求-1".to_owned() };
    let quote_digest = if random.one_in(24) { vec![7; random.below(80)] } else { Vec::new() };
    pb::SettleRequest {
        claim: Some(claim).filter(|_| !random.one_in(48)),
        request_id,
        quote_digest,
        view: *random.pick(&[0, 1, 2, 3]),
    }
}

/// Does something wrong with the bytes of a message.
pub fn broken(random: &mut Random, mut message: Vec<u8>) -> Vec<u8> {
    let at = random.below(message.len().max(1)).min(message.len());
    match random.below(10) {
        0 => message.truncate(at),
        1 => message.extend(vec![0xff; 1 + random.below(20)]),
        2 => message.extend(field(2, &[0xff, 0xfe, 0x80])),
        3 => {
            message.extend(field(1, &pb::Claim { person_id: "PF".to_owned(), ..pb::Claim::default() }.encode_to_vec()))
        }
        4 => message.extend(field(9_999, b"of another version")),
        5 => message.extend(nested(1 + random.below(2_000))),
        6 => message.extend([0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f]),
        7 if random.one_in(64) => message.extend(field(9_999, &vec![0; TOO_LARGE])),
        8 => message.insert(at, random.next() as u8),
        _ => message.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= 1 << random.below(8)),
    }
    message
}

/// A field of bytes.
fn field(number: u32, bytes: &[u8]) -> Vec<u8> {
    let mut field = Vec::new();
    prost::encoding::bytes::encode(number, &bytes.to_vec(), &mut field);
    field
}

/// Groups in groups, of which only the beginnings come.
fn nested(depth: usize) -> Vec<u8> {
    vec![0x0b; depth]
}
