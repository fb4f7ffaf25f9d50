//! The log of a usage ledger.
//!
//! Input: a mode, then a segment as it is (0), or groups that are made whole around what is to be
//! their records, each behind its length of two bytes and its count (1), or a base in the same
//! manner (2).

#![no_main]

use airloom_billing::ledger::{Ledger, Memory, Query, inspect};
use airloom_billing::{Catalogue, Config, Error, Storage, WallTime};
use fuzz::head;
use libfuzzer_sys::fuzz_target;
use sha2::{Digest, Sha256};

fn segment(first: u64, chain: &[u8; 32]) -> Vec<u8> {
    let mut out = b"AIRLOOM\x01".to_vec();
    out.extend_from_slice(&first.to_le_bytes());
    out.extend_from_slice(chain);
    let crc = crc32c::crc32c(&out);
    out.extend_from_slice(&crc.to_le_bytes());
    out
}

/// Adds a group as it stands in a segment; returns the chain after it.
fn group(out: &mut Vec<u8>, first: u64, count: u32, payload: &[u8], before: [u8; 32]) -> [u8; 32] {
    let mut header = b"AGRP".to_vec();
    header.extend_from_slice(&(payload.len() as u32).to_le_bytes());
    header.extend_from_slice(&count.to_le_bytes());
    header.extend_from_slice(&crc32c::crc32c(payload).to_le_bytes());
    header.extend_from_slice(&first.to_le_bytes());
    header.extend_from_slice(&1_773_144_000_000i64.to_le_bytes());
    let hash = Sha256::new().chain_update(before).chain_update(&header).chain_update(payload);
    let chain: [u8; 32] = hash.finalize().into();
    header.extend_from_slice(&chain);
    let crc = crc32c::crc32c(&header);
    out.extend_from_slice(&header);
    out.extend_from_slice(&crc.to_le_bytes());
    out.extend_from_slice(payload);
    out.push(b'E');
    chain
}

fn number(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

fn put(storage: &mut Memory, name: &str, bytes: &[u8]) {
    if !bytes.is_empty() {
        storage.append(name, bytes).expect("memory does not fail");
        storage.sync(name).expect("memory does not fail");
    }
}

fn storage(mode: u8, data: &[u8]) -> Memory {
    let mut storage = Memory::new();
    match mode {
        0 => put(&mut storage, "00000000000000000001.log", data),
        1 => {
            let (mut chain, mut first, mut rest) = ([0; 32], 1, data);
            let mut bytes = segment(1, &chain);
            while let Some(([low, high, count], body)) = head(rest) {
                let len = usize::from(u16::from_le_bytes([low, high]));
                let (payload, next) = body.split_at(body.len().min(len));
                chain = group(&mut bytes, first, count.into(), payload, chain);
                first += u64::from(count);
                rest = next;
            }
            put(&mut storage, "00000000000000000001.log", &bytes);
        }
        _ => {
            // Magic and chain as they are; the number of the record they end with comes next.
            let mut base = b"AIRBASE\x01".to_vec();
            base.extend_from_slice(&[7; 32]);
            let record = 5;
            number(&mut base, record);
            base.extend_from_slice(data);
            let digest: [u8; 32] = Sha256::digest(&base).into();
            base.extend_from_slice(&digest);
            put(&mut storage, "00000000000000000005.base", &base);
            let mut said = vec![10];
            number(&mut said, record);
            said.extend_from_slice(&digest);
            let mut bytes = segment(record + 1, &[7; 32]);
            group(&mut bytes, record + 1, 1, &said, [7; 32]);
            put(&mut storage, "00000000000000000006.log", &bytes);
        }
    }
    storage
}

type Opened = Result<Ledger<Memory>, Error>;

fn open(storage: Memory) -> Opened {
    Ledger::open(storage, Catalogue::live(), Config::default()).map(|(ledger, _)| ledger)
}

/// Everything a ledger can be asked.
fn knows(ledger: &Ledger<Memory>) -> impl PartialEq + std::fmt::Debug + use<> {
    let ends = [WallTime::from_unix_millis(i64::MIN), WallTime::from_unix_millis(i64::MAX)];
    let tenants: Vec<_> = ledger.tenants().cloned().collect();
    let usage: Vec<_> = tenants
        .iter()
        .map(|tenant| ledger.usage(&Query::new(tenant.clone(), ends[0], ends[1]).apart()))
        .collect();
    let balances: Vec<_> = tenants.iter().map(|tenant| ledger.balance(tenant)).collect();
    let notices: Vec<_> = ledger.notices().collect();
    let held: Vec<_> = ledger.quarantine().collect();
    (tenants, usage, balances, notices, held, ledger.totals())
}

fuzz_target!(|data: &[u8]| {
    let Some(([mode], data)) = head(data) else { return };
    let storage = storage(mode % 3, data);
    let inspected = inspect(&storage);
    let mut ledger = match open(storage) {
        Ok(ledger) => ledger,
        Err(Error::Corrupt(damage)) => {
            assert_eq!(inspected.err(), Some(Error::Corrupt(damage)));
            return;
        }
        Err(Error::Config { .. } | Error::MeterDeclared { .. }) => return,
        Err(error) => panic!("{error}"),
    };
    let totals = ledger.totals();
    assert_eq!(Some(totals.accepted), totals.counted.checked_add(totals.quarantined));
    match ledger.verify(&[]) {
        // A statement that no ledger has written: it is kept as it is, and told when asked.
        Ok(_) | Err(Error::Malformed { field: "statement", .. } | Error::Statement { .. }) => {}
        Err(error) => panic!("what opens is whole: {error}"),
    }
    let mut reader = ledger.reader(0);
    while let Ok(Some(_)) = reader.next(&ledger) {}

    let known = knows(&ledger);
    let later = WallTime::from_unix_seconds(1_800_000_000);
    ledger.compact(later, later).expect("compacted");
    assert_eq!(knows(&ledger), known);
    let ledger = open(ledger.into_storage()).expect("a base is read back");
    assert_eq!(knows(&ledger), known);
});
